"""Tests of the app that gives Home Assistant OS a browser."""
