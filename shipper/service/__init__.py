"""The service: what is wired together, run in threads, and looked into from outside."""
