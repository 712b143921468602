"""Everything that can go wrong, as types: each has a translated message that says what to do."""

from typing import ClassVar


class DashboardCastError(Exception):
    """A failure that a person is told about."""

    key: ClassVar[str]
    """Key of the message under `exceptions` in the translations."""

    def __init__(self, **placeholders: str) -> None:
        super().__init__(", ".join((self.key, *(f"{name}={value}" for name, value in placeholders.items()))))
        self.placeholders = placeholders
        """What the message's placeholders stand for."""


class BrowserMissingError(DashboardCastError):
    """There is no browser on this machine, or none at the configured place."""

    key = "browser_missing"


class BrowserFailedError(DashboardCastError):
    """The browser does not start, or ended. Placeholder: detail."""

    key = "browser_failed"


class EndpointInvalidError(DashboardCastError):
    """What should be the address of a browser is something else."""

    key = "endpoint_invalid"


class EndpointUnreachableError(BrowserFailedError):
    """The address of a browser does not answer as it should. Placeholders: endpoint, detail."""

    key = "endpoint_unreachable"


class EndpointRefusedError(BrowserFailedError):
    """Who answers at the address of a browser wants another token. Placeholders: endpoint, detail."""

    key = "endpoint_refused"


class EndpointNotBrowserError(BrowserFailedError):
    """What answers at the address of a browser is none. Placeholders: endpoint, detail."""

    key = "endpoint_not_browser"


class PlaywrightMissingError(DashboardCastError):
    """Playwright is not installed, and cannot be."""

    key = "playwright_missing"


class HomeInvalidError(DashboardCastError):
    """What should be an address of Home Assistant is something else."""

    key = "home_invalid"


class HomeUnreachableError(DashboardCastError):
    """The browser does not reach Home Assistant. Placeholder: detail."""

    key = "home_unreachable"


class FFmpegMissingError(DashboardCastError):
    """There is no FFmpeg at the configured place. Placeholder: binary."""

    key = "ffmpeg_missing"


class FFmpegOutdatedError(DashboardCastError):
    """FFmpeg lacks what we need of it. Placeholders: binary, version, needed."""

    key = "ffmpeg_outdated"


class EncoderFailedError(DashboardCastError):
    """FFmpeg cannot encode H.264, or ended. Placeholder: detail."""

    key = "encoder_failed"


class MalformedMediaError(DashboardCastError):
    """The encoder's output is not what it should be. Placeholder: detail."""

    key = "malformed_media"


class PathInvalidError(DashboardCastError):
    """What should be a dashboard's path is something else. Placeholder: path."""

    key = "path_invalid"


class UrlInvalidError(DashboardCastError):
    """What should be the URL of a web page is something else. Placeholder: detail."""

    key = "url_invalid"


class UrlForbiddenError(DashboardCastError):
    """Nobody may show what is there: Home Assistant itself, a debugging port. Placeholder: host."""

    key = "url_forbidden"


class UrlNotAllowedError(DashboardCastError):
    """Only administrators may show what is there. Placeholder: host."""

    key = "url_not_allowed"


class SourceMissingError(DashboardCastError):
    """Neither a dashboard nor a URL was given, or both."""

    key = "source_missing"


class DashboardNotFoundError(DashboardCastError):
    """No dashboard has this path. Placeholders: path, known."""

    key = "dashboard_not_found"


class ViewNotFoundError(DashboardCastError):
    """The dashboard is there, but not the view. Placeholders: path, known."""

    key = "view_not_found"


class DisplayNotFoundError(DashboardCastError):
    """No display has this identifier, or nobody may see it who asks."""

    key = "display_not_found"


class AdministratorNeededError(DashboardCastError):
    """Only administrators may see the dashboard. Placeholder: path."""

    key = "administrator_needed"


class PageNotReadyError(DashboardCastError):
    """The page was not drawn in time. Placeholders: path, seconds, detail."""

    key = "page_not_ready"


class PageFailedError(DashboardCastError):
    """There is no page, or an error in its place. Placeholders: path, detail."""

    key = "page_failed"


class TemplateInvalidError(DashboardCastError):
    """What should be a template is something else. Placeholder: detail."""

    key = "template_invalid"


class HeaderInvalidError(DashboardCastError):
    """An HTTP header for a web page cannot be sent. Placeholder: name."""

    key = "header_invalid"


class CookieInvalidError(DashboardCastError):
    """A cookie for a web page cannot be one. Placeholder: name."""

    key = "cookie_invalid"


class SignInFailedError(DashboardCastError):
    """Home Assistant did not accept our sign-in."""

    key = "sign_in_failed"


class UserMissingError(DashboardCastError):
    """The user whose dashboards a display shows was removed or switched off. Placeholder: display."""

    key = "user_missing"


class NotSetUpError(DashboardCastError):
    """The integration has no loaded config entry."""

    key = "not_set_up"


class TargetNotFoundError(DashboardCastError):
    """There is no such media player. Placeholder: entity."""

    key = "target_not_found"


class TargetUnavailableError(DashboardCastError):
    """The media player is switched off or out of reach. Placeholder: entity."""

    key = "target_unavailable"


class TargetNotScreenError(DashboardCastError):
    """The Cast device is a speaker or a group. Placeholder: entity."""

    key = "target_not_screen"


class TargetDisplayError(DashboardCastError):
    """What was named is one of our displays, which has its own dashboard. Placeholder: entity."""

    key = "target_display"


class ScreenMissingError(DashboardCastError):
    """Somebody looks for dashboards on a speaker or a group."""

    key = "screen_missing"


class TargetMissingError(DashboardCastError):
    """No target was given, and no response asked for."""

    key = "target_missing"


class LoadFailedError(DashboardCastError):
    """The device did not play the stream. Placeholders: entity, detail, url."""

    key = "load_failed"


class StartSupersededError(DashboardCastError):
    """Another start for the same media player came in between. Placeholder: entity."""

    key = "start_superseded"


class StartCancelledError(DashboardCastError):
    """A stop came before the start was done. Placeholder: entity."""

    key = "start_cancelled"


class NothingShownError(DashboardCastError):
    """A media player shows nothing of ours, so there is nothing to change. Placeholder: entity."""

    key = "nothing_shown"


class StreamNotFoundError(DashboardCastError):
    """No stream runs at the address that was given."""

    key = "stream_not_found"


class ShowSupersededError(DashboardCastError):
    """Before it was drawn, the stream was given something else, or ended. Placeholder: path."""

    key = "show_superseded"


class IconNotFoundError(DashboardCastError):
    """No icon has this name. Placeholder: icon."""

    key = "icon_not_found"


class ImageNotAllowedError(DashboardCastError):
    """The picture is at an address that Home Assistant does not permit. Placeholder: image."""

    key = "image_not_allowed"


class ImageUnreadableError(DashboardCastError):
    """The picture cannot be fetched, or is none. Placeholder: detail."""

    key = "image_unreadable"


class FileNotAllowedError(DashboardCastError):
    """Home Assistant does not permit to write the file. Placeholder: file."""

    key = "file_not_allowed"


class FileNotWrittenError(DashboardCastError):
    """The file cannot be written. Placeholders: file, detail."""

    key = "file_not_written"


class DestinationMissingError(DashboardCastError):
    """Neither a file was given for a picture, nor a response asked for."""

    key = "destination_missing"


class AddressNotFoundError(DashboardCastError):
    """No address of Home Assistant's is known that the device can reach."""

    key = "address_not_found"


class AddressUnreachableError(DashboardCastError):
    """Home Assistant does not answer at an address for TVs. Placeholders: address, detail."""

    key = "address_unreachable"


class CertificateRejectedError(DashboardCastError):
    """TVs do not trust the certificate at an address. Placeholders: address, detail."""

    key = "certificate_rejected"


class CastMissingError(DashboardCastError):
    """Home Assistant's Cast integration is not set up."""

    key = "cast_missing"


class AppOutdatedError(DashboardCastError):
    """The app with the browser is too old for this release. Placeholders: version, needed."""

    key = "app_outdated"


class AppNotUpdatedError(DashboardCastError):
    """The app with the browser cannot be brought up to date. Placeholder: detail."""

    key = "app_not_updated"


class StreamUnfetchedError(DashboardCastError):
    """A TV was told to play a stream and never asked for it. Placeholders: entity, address."""

    key = "stream_unfetched"
