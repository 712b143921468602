"""The streaming engine: from a page to segments in memory. Knows nothing of Home Assistant's Python code."""
