"""Names and numbers that several rooms use."""

from typing import Final

DOMAIN: Final = "dashboard_cast"

API_PATH: Final = f"/api/{DOMAIN}"
"""Where streams are served: below it come the stream's token and the name of what is asked for."""
THUMBNAILS_PATH: Final = f"{API_PATH}/thumbnail"
"""Where pictures of dashboards are served: below it comes the path of the dashboard's view."""
MASTER_PLAYLIST: Final = "master.m3u8"
MEDIA_PLAYLIST: Final = "hls.m3u8"
TS_MASTER_PLAYLIST: Final = "master-ts.m3u8"
TS_PLAYLIST: Final = "ts.m3u8"
LIVE_VIDEO: Final = "live.mp4"
STILL_PICTURE: Final = "still.jpg"

CONTENT_TYPE_HLS: Final = "application/vnd.apple.mpegurl"
CONTENT_TYPE_MP4: Final = "video/mp4"
CONTENT_TYPE_TS: Final = "video/mp2t"
CONTENT_TYPE_JPEG: Final = "image/jpeg"
CONTENT_TYPE_SVG: Final = "image/svg+xml"

CAST_INTEGRATION: Final = "cast"
"""Home Assistant's own, which Cast devices belong to."""

CONF_BASE_URL: Final = "base_url"
CONF_BROWSER: Final = "browser"
"""In the options: the executable of the local browser."""
CONF_BROWSER_KIND: Final = "browser_kind"
"""In the data: where the browser runs, a `BrowserKind`."""
CONF_BROWSER_URL: Final = "browser_url"
"""In the options: the address of Home Assistant for the browser."""
CONF_ENDPOINTS: Final = "endpoints"
"""In the data: the addresses of browsers that run elsewhere; they hold tokens."""
CONF_ENCODER: Final = "encoder"
"""In the options: the name of an encoder, or `AUTOMATIC`."""
CONF_ENCODERS: Final = "encoders"
"""In the data: the names of the encoders that work, in the order in which to use them."""
CONF_FFMPEG: Final = "ffmpeg"
CONF_USER: Final = "user"
CONF_USER_ID: Final = "user_id"

AUTOMATIC: Final = "automatic"
DEFAULT_FFMPEG: Final = "ffmpeg"
DEFAULT_FRAME_RATE: Final = 15
MAX_FRAME_RATE: Final = 30
