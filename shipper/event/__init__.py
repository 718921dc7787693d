"""Events: their ids, their bytes, and the batches they are stored in."""
