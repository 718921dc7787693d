/* A counting sink: the cheapest collector that still tells loss and doubles apart.
 *
 * One thread, epoll. Each request is answered with 200. An event is what follows a marker in the
 * body of a POST: a serial number of seven digits. Serials are the index of a table of moments, so
 * that what came, what came twice and when it came is known of each line.
 *
 * Prints its port. Commands, one a line, on standard input: "reset"; "counts" (requests, bytes of
 * bodies, events, distinct events, moment of the last new one, CPU seconds); "times FIRST COUNT"
 * (the moments of so many serials, one a line). Moments are CLOCK_MONOTONIC in seconds, 0: never.
 * It ends when standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { SERIALS = 10000000, DIGITS = 7, PIECE = 1 << 18, POLLED = 64 };

struct talk {
    int fd;
    char *data;
    size_t size, used, head, body; /* head: 0 until the headers are complete */
    int chunked;
};

static const char MARKER[] = "?r=";
static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n"
    "{\"errors\":false,\"items\":[]}";
static double *moments;
static unsigned long requests, bytes, events, distinct;
static double last_new;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void reset(void) {
    free(moments);
    moments = calloc(SERIALS, sizeof *moments); /* pages come when they are touched */
    if (!moments) fail("calloc");
    requests = bytes = events = distinct = 0;
    last_new = 0;
}

static void count(const char *at, size_t length) {
    const char *end = at + length;
    double moment = now();
    requests++;
    bytes += length;
    while ((at = memmem(at, end - at, MARKER, sizeof MARKER - 1))) {
        unsigned serial = 0;
        int digits = 0;
        at += sizeof MARKER - 1;
        for (; digits < DIGITS && at < end && *at >= '0' && *at <= '9'; digits++)
            serial = serial * 10 + (*at++ - '0');
        if (digits < DIGITS) continue;
        events++;
        if (moments[serial]) continue;
        moments[serial] = last_new = moment;
        distinct++;
    }
}

static void answer(struct talk *talk, const char *text, size_t length) {
    while (length) {
        ssize_t sent = send(talk->fd, text, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) return; /* what is read next says that it is gone */
        if (sent > 0) text += sent, length -= sent;
    }
}

static const char *header(struct talk *talk, const char *name) {
    char *found = strcasestr(talk->data, name); /* the headers end with a NUL here */
    return found ? found + strlen(name) : NULL;
}

static int headers(struct talk *talk) {
    char *end = memmem(talk->data, talk->used, "\r\n\r\n", 4);
    if (!end) return 0;
    talk->head = end + 4 - talk->data;
    end[2] = 0;
    const char *length = header(talk, "\r\ncontent-length:");
    talk->body = length ? strtoul(length, NULL, 10) : 0;
    talk->chunked = header(talk, "\r\ntransfer-encoding: chunked") != NULL;
    if (header(talk, "\r\nexpect: 100-continue"))
        answer(talk, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return 1;
}

/* Joins the chunks of a body in place; returns where it ends on the wire, 0 if it is incomplete. */
static size_t join_chunks(struct talk *talk) {
    size_t from = talk->head, length;
    for (int joining = 0; joining < 2; joining++) {
        from = talk->head, talk->body = 0;
        do {
            char *end = memmem(talk->data + from, talk->used - from, "\r\n", 2);
            if (!end) return 0;
            length = strtoul(talk->data + from, NULL, 16);
            from = end + 2 - talk->data;
            if (from + length + 2 > talk->used) return 0;
            if (joining) memmove(talk->data + talk->head + talk->body, talk->data + from, length);
            talk->body += length;
            from += length + 2;
        } while (length);
    }
    return from;
}

/* Takes all complete requests out of the buffer. */
static void take(struct talk *talk) {
    while (talk->used && (talk->head || headers(talk))) {
        size_t end = talk->chunked ? join_chunks(talk) : talk->head + talk->body;
        if (!end || end > talk->used) return;
        count(talk->data + talk->head, talk->body);
        answer(talk, ANSWER, sizeof ANSWER - 1);
        memmove(talk->data, talk->data + end, talk->used - end);
        talk->used -= end;
        talk->head = 0;
    }
}

/* Reads what there is; returns 0 when the other side has gone. */
static int hear(struct talk *talk) {
    if (talk->size - talk->used < PIECE) {
        talk->size = talk->size ? talk->size * 2 : 4 * PIECE;
        talk->data = realloc(talk->data, talk->size);
        if (!talk->data) fail("realloc");
    }
    ssize_t got = recv(talk->fd, talk->data + talk->used, talk->size - talk->used, 0);
    if (got <= 0) return 0;
    talk->used += got;
    take(talk);
    return 1;
}

static void greet(int listener, int poller) {
    int on = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct talk *talk = calloc(1, sizeof *talk);
    if (!talk) fail("calloc");
    talk->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = talk};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void part(struct talk *talk) {
    close(talk->fd);
    free(talk->data);
    free(talk);
}

static void tell_counts(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
                 (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
    printf("%lu %lu %lu %lu %.6f %.6f\n", requests, bytes, events, distinct, last_new, cpu);
}

static void obey(void) {
    char line[64];
    unsigned first, number;
    if (!fgets(line, sizeof line, stdin)) exit(0);
    if (!strcmp(line, "reset\n")) {
        reset();
        puts("done");
    } else if (!strcmp(line, "counts\n")) {
        tell_counts();
    } else if (sscanf(line, "times %u %u", &first, &number) == 2) {
        for (unsigned i = 0; i < number && first + i < SERIALS; i++)
            printf("%.6f\n", moments[first + i]);
    }
    fflush(stdout);
}

int main(void) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listener}, ready[POLLED];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    event.data.ptr = NULL; /* standard input */
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    reset();
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int count = epoll_wait(poller, ready, POLLED, -1);
        for (int i = 0; i < count; i++) {
            if (ready[i].data.ptr == &listener) greet(listener, poller);
            else if (!ready[i].data.ptr) obey();
            else if (!hear(ready[i].data.ptr)) part(ready[i].data.ptr);
        }
    }
}
