"""Setting up and options: the flow ends only when a browser draws and FFmpeg encodes."""

import asyncio
from typing import Any, Final, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    OptionsFlow,
    OptionsFlowWithReload,
)
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio
from yarl import URL

from .const import (
    AUTOMATIC,
    CONF_BASE_URL,
    CONF_BROWSER,
    CONF_ENCODER,
    CONF_ENCODERS,
    CONF_FFMPEG,
    CONF_USER,
    DEFAULT_FFMPEG,
    DOMAIN,
)
from .engine.codecs import SOFTWARE
from .engine.trial import try_engine
from .errors import DashboardCastError

_PROGRAMS: Final = probatio.Schema(
    {
        probatio.Optional(CONF_BROWSER): TextSelector(),
        probatio.Optional(CONF_FFMPEG): TextSelector(),
    }
)


async def _async_check(programs: dict[str, Any]) -> list[str]:
    """Draw and encode a page; return the encoders that work, in the order in which to use them.

    Raises a DashboardCastError.
    """
    return await try_engine(programs.get(CONF_BROWSER), programs.get(CONF_FFMPEG, DEFAULT_FFMPEG))


class DashboardCastConfigFlow(ConfigFlow, domain=DOMAIN):
    """Set up the one config entry."""

    def __init__(self) -> None:
        """Begin with the programs that are found without being told."""
        self._programs: dict[str, Any] = {}
        self._check: asyncio.Task[list[str]] | None = None
        self._encoders: list[str] = []
        self._failure: DashboardCastError | None = None

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        return DashboardCastOptionsFlow()

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which programs to use; nothing needs to be filled in."""
        if user_input is not None:
            self._programs = user_input
            return await self.async_step_check()
        return self._async_show_programs({})

    async def async_step_check(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Try browser and FFmpeg, and show that this goes on."""
        if self._check is None:
            self._check = self.hass.async_create_task(
                _async_check(self._programs), "Dashboard Cast check", eager_start=False
            )
        if not self._check.done():
            return self.async_show_progress(
                step_id="check", progress_action="check", progress_task=self._check
            )
        check, self._check = self._check, None
        try:
            self._encoders = await check
        except DashboardCastError as error:
            self._failure = error
            return self.async_show_progress_done(next_step_id="failed")
        return self.async_show_progress_done(next_step_id="finish")

    async def async_step_failed(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Say what is missing and let it be tried again."""
        if user_input is not None:
            self._programs = user_input
            return await self.async_step_check()
        assert self._failure is not None
        return self._async_show_programs({"base": self._failure.key}, self._failure.placeholders, "failed")

    async def async_step_finish(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Create the entry."""
        return self.async_create_entry(
            title="Dashboard Cast", data={CONF_ENCODERS: self._encoders}, options=self._programs
        )

    def _async_show_programs(
        self, errors: dict[str, str], placeholders: dict[str, str] | None = None, step_id: str = "user"
    ) -> ConfigFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(_PROGRAMS, self._programs),
            errors=errors,
            description_placeholders=placeholders,
            last_step=True,
        )


class DashboardCastOptionsFlow(OptionsFlowWithReload):
    """Change how TVs reach Home Assistant, whose dashboards are shown, and what is used for it."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for all of it at once."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        current = dict(self.config_entry.options)
        if user_input is not None:
            try:
                if not _is_address(user_input.get(CONF_BASE_URL)):
                    errors[CONF_BASE_URL] = "base_url_invalid"
                elif CONF_ENCODERS not in self.config_entry.data or _tried(user_input) != _tried(current):
                    working = await _async_check(user_input)
                    if user_input.get(CONF_ENCODER, AUTOMATIC) in (AUTOMATIC, *working):
                        self._keep(working)
                    else:
                        errors[CONF_ENCODER] = "encoder_unavailable"
            except DashboardCastError as error:
                errors["base"] = error.key
                placeholders = error.placeholders
            if not errors:
                return self.async_create_entry(data=user_input)
            current = user_input
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(await self._async_schema(), current),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _keep(self, encoders: list[str]) -> None:
        """Keep what was found out."""
        data = {**self.config_entry.data, CONF_ENCODERS: encoders}
        self.hass.config_entries.async_update_entry(self.config_entry, data=data)

    async def _async_schema(self) -> probatio.Schema:
        users = [
            SelectOptionDict(value=user.id, label=user.name or user.id)
            for user in await self.hass.auth.async_get_users()
            if user.is_active and not user.system_generated
        ]
        working = self.config_entry.data.get(CONF_ENCODERS, [SOFTWARE.name])
        return probatio.Schema(
            {
                probatio.Optional(CONF_USER): SelectSelector(
                    SelectSelectorConfig(options=users, mode=SelectSelectorMode.DROPDOWN)
                ),
                probatio.Optional(CONF_BASE_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
                **_PROGRAMS.schema,
                probatio.Optional(CONF_ENCODER): SelectSelector(
                    SelectSelectorConfig(
                        options=[AUTOMATIC, *working],
                        mode=SelectSelectorMode.DROPDOWN,
                        translation_key=CONF_ENCODER,
                    )
                ),
            }
        )


def _is_address(address: str | None) -> bool:
    """Return whether this is the address of a web server, or none at all."""
    if address is None:
        return True
    try:
        url = URL(address)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and bool(url.host)


def _tried(settings: dict[str, Any]) -> tuple[str | None, str | None, str]:
    """Return what makes another trial necessary."""
    return (
        settings.get(CONF_BROWSER),
        settings.get(CONF_FFMPEG),
        settings.get(CONF_ENCODER, AUTOMATIC),
    )
