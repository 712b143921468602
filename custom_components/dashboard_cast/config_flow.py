"""Setting up, reconfiguring and options: a flow ends only when a browser draws and FFmpeg encodes."""

import asyncio
from collections.abc import Container, Coroutine, Mapping
from typing import Any, Final, override

from homeassistant.config_entries import (
    SOURCE_HASSIO,
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    OptionsFlow,
    OptionsFlowWithReload,
    SubentryFlowContext,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.helpers.service_info.hassio import HassioServiceInfo
import probatio
from yarl import URL

from .auth import async_people
from .browsers import BrowserKind, async_each_browser, endpoints_of, has_musl, kind_of
from .const import (
    AUTOMATIC,
    CONF_BASE_URL,
    CONF_BROWSER,
    CONF_BROWSER_KIND,
    CONF_BROWSER_URL,
    CONF_ENCODER,
    CONF_ENCODERS,
    CONF_ENDPOINTS,
    CONF_FFMPEG,
    CONF_USER,
    DEFAULT_FFMPEG,
    DOMAIN,
)
from .display_flow import DisplayFlow
from .displays import SUBENTRY_DISPLAY
from .engine.address import parsed
from .engine.chromium import find_executable
from .engine.codecs import SOFTWARE
from .engine.trial import try_engine
from .errors import DashboardCastError
from .urls import async_homes

_ELSEWHERE: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_BROWSER_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
    probatio.Optional(CONF_FFMPEG): TextSelector(),
}
_PROGRAMS: Final[dict[BrowserKind, dict[probatio.Marker, Any]]] = {
    BrowserKind.LOCAL: {
        probatio.Optional(CONF_BROWSER): TextSelector(),
        probatio.Optional(CONF_FFMPEG): TextSelector(),
    },
    BrowserKind.REMOTE: _ELSEWHERE,
    BrowserKind.PLAYWRIGHT: _ELSEWHERE,
}
"""The options that each kind of browser has."""
_ENDPOINTS: Final[dict[probatio.Marker, Any]] = {
    probatio.Required(CONF_ENDPOINTS): TextSelector(TextSelectorConfig(multiple=True))
}
_FIELDS: Final = {
    "browser_missing": CONF_BROWSER,
    "browser_failed": CONF_BROWSER,
    "endpoint_invalid": CONF_ENDPOINTS,
    "endpoint_unreachable": CONF_ENDPOINTS,
    "endpoint_refused": CONF_ENDPOINTS,
    "endpoint_not_browser": CONF_ENDPOINTS,
    "playwright_missing": "base",
    "home_invalid": CONF_BROWSER_URL,
    "home_unreachable": CONF_BROWSER_URL,
    "ffmpeg_missing": CONF_FFMPEG,
    "ffmpeg_outdated": CONF_FFMPEG,
    "encoder_failed": CONF_FFMPEG,
    "malformed_media": CONF_FFMPEG,
}
"""The field that a failure is shown at, where the form has it."""
NOTICED_S: Final = 2.0
"""How long a progress lasts at least, in seconds."""
_APP_URL: Final = (
    "https://my.home-assistant.io/redirect/supervisor_add_addon_repository/"
    "?repository_url=https%3A%2F%2Fgithub.com%2Fdashboard-cast%2Fdashboard-cast"
)
_README_URL: Final = "https://github.com/dashboard-cast/dashboard-cast#where-the-browser-runs"


async def async_check(hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Draw a page with each browser and encode it; return the encoders that work, as `try_engine` does.

    Raises a DashboardCastError.
    """
    homes = await async_homes(hass, options, endpoints_of(data))
    browsers = await async_each_browser(hass, data, options)
    return await try_engine(browsers, options.get(CONF_FFMPEG, DEFAULT_FFMPEG), homes)


async def async_noticed[T](work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of work that a dialog shows the progress of, not before it can have noticed.

    The frontend begins to listen for the end when it draws the progress. An end before that, such as that of
    a path where there is nothing, it would never hear of, and show the progress for good.
    """
    outcome: T | BaseException
    outcome, _ = await asyncio.gather(work, asyncio.sleep(NOTICED_S), return_exceptions=True)
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def _errors(failure: DashboardCastError | None, fields: Container[str]) -> dict[str, str]:
    """Return a failure as a form with these fields shows it."""
    if failure is None:
        return {}
    field = _FIELDS[failure.key]
    return {field if field in fields else "base": failure.key}


class DashboardCastConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up the one config entry, or give it another browser or another user."""

    VERSION = 1
    MINOR_VERSION = 3

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._data: dict[str, Any] = {}
        self._options: dict[str, Any] = {}
        self._check: asyncio.Task[list[str]] | None = None
        self._failure: DashboardCastError | None = None
        self._finishing = False

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return DashboardCastOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        return {SUBENTRY_DISPLAY: DisplayFlow}

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go on with the first display, which is what it was set up for."""
        entry = result["result"]
        if entry.state is ConfigEntryState.LOADED:
            flow = await self.hass.config_entries.subentries.async_init(
                (entry.entry_id, SUBENTRY_DISPLAY), context=SubentryFlowContext(source=SOURCE_USER)
            )
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"])
        return result

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let a browser be chosen, what works here first."""
        if self.source != SOURCE_RECONFIGURE and self._async_current_entries():
            return self.async_abort(reason="single_instance_allowed")
        found = await self.hass.async_add_executor_job(find_executable)
        if found is None and has_musl():
            return await self.async_step_no_local()
        kinds = [BrowserKind.LOCAL, BrowserKind.REMOTE] if found else [BrowserKind.REMOTE, BrowserKind.LOCAL]
        if not has_musl():
            kinds.append(BrowserKind.PLAYWRIGHT)
        return self.async_show_menu(step_id="user", menu_options=kinds)

    async def async_step_no_local(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say why no browser can be had here, and how to get one."""
        return self.async_show_menu(
            step_id="no_local",
            menu_options=[BrowserKind.REMOTE],
            description_placeholders={"app_url": _APP_URL, "readme_url": _README_URL},
        )

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Choose another browser; all else stays."""
        entry = self._get_reconfigure_entry()
        self._data, self._options = dict(entry.data), dict(entry.options)
        return await self.async_step_user()

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Ask for another user: the one whose dashboards are shown was removed or switched off."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Let one be chosen, or the built-in one; what others see goes on, and so do streams."""
        if user_input is None:
            schema = probatio.Schema(await async_user_field(self.hass))
            return self.async_show_form(step_id="reauth_confirm", data_schema=schema, last_step=True)
        entry = self._get_reauth_entry()
        others = {key: value for key, value in entry.options.items() if key != CONF_USER}
        return self.async_update_and_abort(entry, options={**others, **user_input})

    @override
    async def async_step_hassio(self, discovery_info: HassioServiceInfo) -> ConfigFlowResult:
        """Note the browser of the app Dashboard Cast Browser, which the Supervisor has found."""
        app = discovery_info.config
        url = URL.build(scheme="http", host=app["host"], port=int(app["port"]), query={"token": app["token"]})
        self._data = {CONF_BROWSER_KIND: BrowserKind.REMOTE, CONF_ENDPOINTS: [str(url)]}
        await self.async_set_unique_id(discovery_info.uuid)
        # The app has it: what changes is where it is, and its token.
        self._abort_if_unique_id_configured(updates=self._data)
        self.context["title_placeholders"] = {"name": discovery_info.name}
        for entry in self._async_current_entries(include_ignore=False):
            self._options = {key: value for key, value in entry.options.items() if key == CONF_FFMPEG}
        return await self.async_step_app()

    async def async_step_app(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask whether the app's browser is to be used."""
        if user_input is not None:
            return await self._async_begin(self._data, self._options)
        return self._async_show("app", {})

    async def async_step_local(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which programs to use; nothing needs to be filled in."""
        if user_input is not None:
            data = {CONF_BROWSER_KIND: BrowserKind.LOCAL, CONF_ENDPOINTS: []}
            return await self._async_begin(data, user_input)
        return self._async_show("local", _PROGRAMS[BrowserKind.LOCAL])

    async def async_step_remote(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the browsers are."""
        return await self._async_elsewhere(BrowserKind.REMOTE, user_input)

    async def async_step_playwright(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask where the Playwright servers are."""
        return await self._async_elsewhere(BrowserKind.PLAYWRIGHT, user_input)

    async def _async_elsewhere(
        self, kind: BrowserKind, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        if user_input is not None:
            options = dict(user_input)
            data = {CONF_BROWSER_KIND: kind, CONF_ENDPOINTS: options.pop(CONF_ENDPOINTS)}
            return await self._async_begin(data, options)
        return self._async_show(kind, {**_ENDPOINTS, **_PROGRAMS[kind]})

    async def _async_begin(self, data: dict[str, Any], options: dict[str, Any]) -> ConfigFlowResult:
        self._data, self._options, self._failure, self._check = data, options, None, None
        return await self.async_step_check()

    async def async_step_check(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Try browser and FFmpeg, and show that this goes on."""
        if self._check is None:
            self._check = self.hass.async_create_task(
                async_noticed(async_check(self.hass, self._data, self._options)),
                "Dashboard Cast check",
                eager_start=False,
            )
        if not self._check.done():
            return self.async_show_progress(
                step_id="check", progress_action="check", progress_task=self._check
            )
        try:
            self._data[CONF_ENCODERS] = self._check.result()
        except DashboardCastError as error:
            self._failure = error
            asked = "app" if self.source == SOURCE_HASSIO else self._data[CONF_BROWSER_KIND]
            return self.async_show_progress_done(next_step_id=asked)
        return self.async_show_progress_done(next_step_id="finish")

    async def async_step_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Create the entry, or let the one that is there use what was chosen."""
        if self._finishing:
            # Who asks for the progress, and Home Assistant itself, may both find that the check is over.
            return self.async_show_progress(
                step_id="finish", progress_action="check", progress_task=self._check
            )
        self._finishing = True
        entry = next(iter(self._async_current_entries(include_ignore=False)), None)
        if entry is None:
            return self.async_create_entry(title="Dashboard Cast", data=self._data, options=self._options)
        programs = {str(key) for kind in _PROGRAMS.values() for key in kind}
        others = {key: value for key, value in entry.options.items() if key not in programs}
        return self.async_update_reload_and_abort(
            entry,
            # That of the app while its browser is used.
            unique_id=self.unique_id if self.source == SOURCE_HASSIO else None,
            data_updates=self._data,
            options={**others, **self._options},
            reason="reconfigure_successful",
        )

    def _async_show(self, step_id: str, fields: dict[probatio.Marker, Any]) -> ConfigFlowResult:
        """Show a form with what was filled in last, and what was wrong with it."""
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), {**self._data, **self._options}
            ),
            errors=_errors(self._failure, {str(key) for key in fields}),
            description_placeholders=self._failure.placeholders if self._failure else None,
            last_step=True,
        )


class DashboardCastOptionsFlow(OptionsFlowWithReload):
    """Change how TVs reach Home Assistant, whose dashboards are shown, and what is used for it."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all of it at once."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        schema = await self._async_schema()
        current = _offered(schema, self.config_entry.options)
        if user_input is not None:
            try:
                if not _is_address(user_input.get(CONF_BASE_URL)):
                    errors[CONF_BASE_URL] = "base_url_invalid"
                elif CONF_ENCODERS not in self.config_entry.data or _tried(user_input) != _tried(
                    self.config_entry.options
                ):
                    working = await async_check(self.hass, self.config_entry.data, user_input)
                    if user_input.get(CONF_ENCODER, AUTOMATIC) in (AUTOMATIC, *working):
                        self._keep(working)
                    else:
                        errors[CONF_ENCODER] = "encoder_unavailable"
            except DashboardCastError as error:
                errors = _errors(error, self._programs)
                placeholders = error.placeholders
            if not errors:
                return self.async_create_entry(data=user_input)
            current = user_input
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(schema, current),
            errors=errors,
            description_placeholders=placeholders,
        )

    @property
    def _programs(self) -> set[str]:
        """The options that there are for the entry's kind of browser."""
        return {str(key) for key in _PROGRAMS[kind_of(self.config_entry.data)]}

    def _keep(self, encoders: list[str]) -> None:
        """Keep what was found out."""
        data = {**self.config_entry.data, CONF_ENCODERS: encoders}
        self.hass.config_entries.async_update_entry(self.config_entry, data=data)

    async def _async_schema(self) -> probatio.Schema:
        working = self.config_entry.data.get(CONF_ENCODERS, [SOFTWARE.name])
        return probatio.Schema(
            {
                **await async_user_field(self.hass),
                probatio.Optional(CONF_BASE_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
                **_PROGRAMS[kind_of(self.config_entry.data)],
                probatio.Optional(CONF_ENCODER): SelectSelector(
                    SelectSelectorConfig(
                        options=[AUTOMATIC, *working],
                        mode=SelectSelectorMode.DROPDOWN,
                        translation_key=CONF_ENCODER,
                    )
                ),
            }
        )


async def async_user_field(hass: HomeAssistant) -> dict[probatio.Marker, Any]:
    """Return the field for the user whose dashboards are shown: a person who can sign in."""
    users = [SelectOptionDict(value=user.id, label=user.name or user.id) for user in await async_people(hass)]
    select = SelectSelectorConfig(options=users, mode=SelectSelectorMode.DROPDOWN)
    return {probatio.Optional(CONF_USER): SelectSelector(select)}


def _offered(schema: probatio.Schema, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without those that a form has no choice for any more: a user or an encoder is gone."""

    def has(name: str, value: object) -> bool:
        field = schema.schema.get(name)
        if not isinstance(field, SelectSelector):
            return True
        options = field.config["options"]
        return value in [one if isinstance(one, str) else one["value"] for one in options]

    return {name: value for name, value in settings.items() if has(name, value)}


def _is_address(address: str | None) -> bool:
    """Return whether this is the address of a web server, or none at all."""
    if address is None:
        return True
    try:
        url = parsed(address)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _tried(settings: Mapping[str, Any]) -> tuple[str | None, str | None, str | None, str]:
    """Return what makes another trial necessary."""
    return (
        settings.get(CONF_BROWSER),
        settings.get(CONF_BROWSER_URL),
        settings.get(CONF_FFMPEG),
        settings.get(CONF_ENCODER, AUTOMATIC),
    )
