"""The local daemon: takes events from trackers in any language, and queues them durably."""
