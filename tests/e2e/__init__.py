"""End to end: a real Home Assistant, a real browser, FFmpeg, the Cast protocol and a TV that plays."""
