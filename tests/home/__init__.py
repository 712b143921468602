"""A real Home Assistant of its own, with a home worth showing, for tests, demo and benchmark."""
