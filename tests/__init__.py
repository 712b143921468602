"""Tests of Dashboard Cast, and the home and TV they run against."""
