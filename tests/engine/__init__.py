"""Tests of the streaming engine, which needs no Home Assistant, with a real FFmpeg and a real browser."""
