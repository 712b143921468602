"""Tests of the load generator."""

from dataclasses import asdict
import json

from .audience import Mode, Plan


def test_plan() -> None:
    """The process that watches knows the mode for what it is."""
    plan = Plan(["http://127.0.0.1/hls.m3u8"], 200, Mode.LOW_LATENCY, 12)
    read = Plan.read(json.dumps(asdict(plan)))
    assert read == plan
    assert read.mode is Mode.LOW_LATENCY
