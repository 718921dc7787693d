"""What the emitter works with: claims on the queue, how they fare, how many go at a time."""
