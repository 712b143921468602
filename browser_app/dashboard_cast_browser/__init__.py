"""The app that gives Dashboard Cast a browser: headless Chromium behind a gateway that asks for a token."""
