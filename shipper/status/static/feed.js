// What the shipper tells of itself, live, and the last hour as it was noted.

import { get } from "./api.js";

const SILENT_MS = 15000;
const AGAIN_MS = 3000;
const HOUR_S = 3600;

/** Call `heed(overview)` for each overview that comes, and `state(word, why)` when the line is up or lost. */
export function listen(heed, state) {
  let source, watchdog;

  function open() {
    source = new EventSource("/api/events");
    source.addEventListener("overview", (event) => { up(); heed(JSON.parse(event.data)); });
    source.addEventListener("trouble", (event) => { up(JSON.parse(event.data).error); });
    source.addEventListener("error", lost);
    wait();
  }
  function up(why) { wait(); state("live", why); }
  function lost() {
    state("lost");
    source.close();  // by itself, a browser does not come back after every failure
    clearTimeout(watchdog);
    watchdog = setTimeout(open, AGAIN_MS);
  }
  function wait() { clearTimeout(watchdog); watchdog = setTimeout(lost, SILENT_MS); }

  open();
}

/** The steps of the last hour; `update` asks for those that are new. */
export class Hour {
  points = [];
  step = 10;

  async update() {
    const since = this.points.at(-1)?.at ?? 0;
    const told = await get(`/api/history?since=${since}`);
    this.step = told.step_seconds;
    const begin = Date.now() / 1000 - HOUR_S;
    this.points = [...this.points, ...told.points].filter((point) => point.at > begin);
  }
}
