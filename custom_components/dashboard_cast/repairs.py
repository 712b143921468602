"""Fix flows of Repairs: each asks for what may be wrong, and ends only when it really works."""

from abc import abstractmethod
import asyncio
from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.selector import (
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import probatio

from .app import async_update_app
from .config_flow import async_check, async_noticed, async_user_field
from .const import (
    CAST_INTEGRATION,
    CONF_BASE_URL,
    CONF_BROWSER,
    CONF_ENCODERS,
    CONF_ENDPOINTS,
    CONF_FFMPEG,
    CONF_USER,
    DOMAIN,
)
from .displays import CONF_LOOK, DisplayConfig
from .errors import CastMissingError, DashboardCastError
from .issues import Issue
from .registry import running_registry
from .translation import message
from .urls import async_reach

_CAST_URL: Final = "https://my.home-assistant.io/redirect/config_flow_start?domain=cast"


class FixFlow(RepairsFlow):
    """A form that comes back with the reason until what it is about works."""

    def __init__(self, entry: ConfigEntry, fields: Mapping[probatio.Marker, Any]) -> None:
        """fields: what is asked for."""
        self._entry = entry
        self._fields = fields

    @abstractmethod
    async def _async_fix(self, user_input: dict[str, Any]) -> None:
        """Try what was filled in and keep it; raises the DashboardCastError that is still there."""

    async def _async_schema(self, user_input: dict[str, Any] | None) -> probatio.Schema:
        """Return the form, with what was filled in."""
        return self.add_suggested_values_to_schema(probatio.Schema(dict(self._fields)), user_input or {})

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin; the input only names the issue."""
        return await self.async_step_fix()

    async def async_step_fix(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask, try, and keep what works."""
        issue = ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id)
        placeholders = dict((issue and issue.translation_placeholders) or {})
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await self._async_fix(user_input)
            except DashboardCastError as error:
                errors["base"] = "failed"
                placeholders["reason"] = message(self.hass, error)
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="fix",
            data_schema=await self._async_schema(user_input),
            errors=errors,
            description_placeholders={**placeholders, "cast_url": _CAST_URL},
        )


class EntryFlow(FixFlow):
    """Asks for settings of the entry, or for nothing."""

    @abstractmethod
    async def _async_try(self, data: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        """Try an entry with this data and these options; return what was found out, for the data.

        Raises the DashboardCastError that is still there.
        """

    @override
    async def _async_schema(self, user_input: dict[str, Any] | None) -> probatio.Schema:
        return await super()._async_schema(user_input or {**self._entry.options, **self._entry.data})

    @override
    async def _async_fix(self, user_input: dict[str, Any]) -> None:
        asked = {str(key) for key in self._fields}
        data, options = dict(self._entry.data), dict(self._entry.options)
        # A field that was emptied is not in the input.
        for settings in (data, options):
            for key in asked & settings.keys():
                del settings[key]
        (data if CONF_ENDPOINTS in asked else options).update(user_input)
        data.update(await self._async_try(data, options))
        self.hass.config_entries.async_update_entry(self._entry, data=data, options=options)
        self.hass.config_entries.async_schedule_reload(self._entry.entry_id)


class EngineFlow(EntryFlow):
    """Browser or FFmpeg are gone: both are tried, as at set-up."""

    @override
    async def _async_try(self, data: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        return {CONF_ENCODERS: await async_check(self.hass, data, options)}


class AddressFlow(EntryFlow):
    """TVs cannot use the address of Home Assistant; it has to answer there, with a trusted certificate."""

    @override
    async def _async_try(self, data: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        await async_reach(self.hass, options.get(CONF_BASE_URL))
        return {}


class CastFlow(EntryFlow):
    """Home Assistant's Cast integration is missing."""

    @override
    async def _async_try(self, data: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        if not self.hass.config_entries.async_loaded_entries(CAST_INTEGRATION):
            raise CastMissingError
        return {}


class AppFlow(EntryFlow):
    """The app with the browser is too old: it is updated while people see that this goes on."""

    _update: asyncio.Task[None] | None = None

    @override
    async def async_step_fix(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        if self._update is None and user_input is not None:
            self._update = self.hass.async_create_task(
                async_noticed(async_update_app(self.hass, self._entry)), "update app"
            )
        if self._update is None:
            return await super().async_step_fix()
        if not self._update.done():
            return self.async_show_progress(
                step_id="fix", progress_action="update", progress_task=self._update
            )
        return self.async_show_progress_done(next_step_id="updated")

    async def async_step_updated(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """End, or come back with the reason."""
        return await super().async_step_fix({})

    @override
    async def _async_try(self, data: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        assert self._update is not None
        update, self._update = self._update, None
        await update
        return {}


class UserFlow(FixFlow):
    """The user of a display is gone: another one is chosen, who has to see its dashboard."""

    @override
    async def _async_schema(self, user_input: dict[str, Any] | None) -> probatio.Schema:
        self._fields = await async_user_field(self.hass)
        return await super()._async_schema(user_input)

    @override
    async def _async_fix(self, user_input: dict[str, Any]) -> None:
        display = self._entry.subentries.get(self.issue_id.removeprefix(f"{Issue.USER}_"))
        if display is None:
            # Removed meanwhile, which ends what is wrong as well.
            return
        others = {key: value for key, value in display.data[CONF_LOOK].items() if key != CONF_USER}
        data = {**display.data, CONF_LOOK: {**others, **user_input}}
        await running_registry(self.hass).async_check(DisplayConfig.of(data).source)
        self.hass.config_entries.async_update_subentry(self._entry, display, data=data)


_ADDRESS: Final[Mapping[probatio.Marker, Any]] = {
    probatio.Optional(CONF_BASE_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL))
}
_FLOWS: Final[Mapping[str, tuple[type[FixFlow], Mapping[probatio.Marker, Any]]]] = {
    Issue.BROWSER: (EngineFlow, {probatio.Optional(CONF_BROWSER): TextSelector()}),
    Issue.ENDPOINT: (
        EngineFlow,
        {probatio.Required(CONF_ENDPOINTS): TextSelector(TextSelectorConfig(multiple=True))},
    ),
    Issue.FFMPEG: (EngineFlow, {probatio.Optional(CONF_FFMPEG): TextSelector()}),
    Issue.ADDRESS: (AddressFlow, _ADDRESS),
    Issue.CERTIFICATE: (AddressFlow, _ADDRESS),
    Issue.CAST: (CastFlow, {}),
    Issue.APP: (AppFlow, {}),
    # The people are those who are there when it is asked for one.
    Issue.USER: (UserFlow, {probatio.Optional(CONF_USER): SelectSelector(SelectSelectorConfig(options=[]))}),
}


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_key is not None
    (entry,) = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    flow, fields = _FLOWS[issue.translation_key]
    return flow(entry, fields)
