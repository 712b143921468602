"""The fuzzer: broken bytes for everything that reads, odd requests for everything that answers."""
