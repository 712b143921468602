"""Setting up displays: a flow ends only with what can be shown."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, override

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import section
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    LanguageSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
    ThemeSelector,
)
import probatio

from .addresses import async_allowed_urls
from .auth import async_people
from .const import CONF_USER, DEFAULT_FRAME_RATE, MAX_FRAME_RATE
from .dashboards import async_all_views, normalized_path
from .devices import check_screen
from .displays import (
    CONF_CONDITION,
    CONF_COOKIES,
    CONF_DARK,
    CONF_DASHBOARD,
    CONF_ENTITIES,
    CONF_FONT_SCALE,
    CONF_FORMAT,
    CONF_FRAME_RATE,
    CONF_HEADERS,
    CONF_INTERRUPT,
    CONF_KIOSK,
    CONF_LANGUAGE,
    CONF_LOCAL_STORAGE,
    CONF_LOOK,
    CONF_MEDIA_PLAYERS,
    CONF_OVERFLOW,
    CONF_PASSWORD,
    CONF_PATIENCE,
    CONF_PICTURE,
    CONF_POWER,
    CONF_PRIORITY,
    CONF_QUIET,
    CONF_RULES,
    CONF_SILENT_START,
    CONF_SIZE,
    CONF_TEMPLATE,
    CONF_THEME,
    CONF_URL,
    CONF_USERNAME,
    CONF_VALUE,
    CONF_VERIFY_SSL,
    CONF_VOLUME,
    CONF_WEBSITE,
    CONF_ZOOM,
    DARK_AUTO,
    DEFAULT_PATIENCE_S,
    FORMAT_AUTO,
    SUBENTRY_DISPLAY,
    DisplayConfig,
)
from .errors import (
    CookieInvalidError,
    DashboardCastError,
    HeaderInvalidError,
    SourceMissingError,
    TargetMissingError,
    TemplateInvalidError,
)
from .identities import entity_id_of, identities_of, kept_name
from .models import SIZE_AUTO, Overflow, SizePreset, StreamFormat
from .occasion import CONDITION_DOMAINS
from .registry import DashboardCastConfigEntry
from .services import COOKIES, HEADERS

CONF_COPIED: Final = "copied"

_FIELDS: Final = {
    "target_missing": CONF_MEDIA_PLAYERS,
    "target_not_found": CONF_MEDIA_PLAYERS,
    "target_not_screen": CONF_MEDIA_PLAYERS,
    "url_invalid": CONF_WEBSITE,
    "url_forbidden": CONF_WEBSITE,
    "url_not_allowed": CONF_WEBSITE,
    "header_invalid": CONF_WEBSITE,
    "cookie_invalid": CONF_WEBSITE,
    "template_invalid": CONF_RULES,
    "sign_in_failed": CONF_LOOK,
}
"""The field, or the section, that a failure is shown at; the others are about the dashboard."""


class DisplayFlow(ConfigSubentryFlow):
    """Set up a display, alone or after the picture of another, or change one."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask whether another display is to be copied, when there is one."""
        if self._get_entry().get_subentries_of_type(SUBENTRY_DISPLAY):
            return self.async_show_menu(step_id="user", menu_options=["new", "copy"])
        return await self.async_step_new()

    async def async_step_new(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for everything about a new display; dashboard and media player are enough."""
        return await self._async_ask("new", user_input, {})

    async def async_step_copy(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask which display to copy, then for what is to be different."""
        entry = self._get_entry()
        if user_input is not None:
            return await self._async_ask("new", None, entry.subentries[user_input[CONF_COPIED]].data)
        options = [
            SelectOptionDict(value=one.subentry_id, label=one.title)
            for one in entry.get_subentries_of_type(SUBENTRY_DISPLAY)
        ]
        schema = {probatio.Required(CONF_COPIED): SelectSelector(SelectSelectorConfig(options=options))}
        return self.async_show_form(step_id="copy", data_schema=probatio.Schema(schema))

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for what is to be changed."""
        subentry = self._get_reconfigure_subentry()
        return await self._async_ask("reconfigure", user_input, {CONF_NAME: subentry.title, **subentry.data})

    async def _async_ask(
        self, step_id: str, user_input: dict[str, Any] | None, current: Mapping[str, Any]
    ) -> SubentryFlowResult:
        entry: DashboardCastConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            try:
                data = await self._async_checked(entry, user_input)
            except DashboardCastError as error:
                errors = {_FIELDS.get(error.key, CONF_DASHBOARD): error.key}
                placeholders = error.placeholders
            else:
                return await self._async_finish(user_input.get(CONF_NAME), data)
        suggested = await self._async_known(current) if user_input is None else user_input
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(await self._async_schema(), suggested),
            errors=errors,
            description_placeholders=placeholders,
            last_step=True,
        )

    async def _async_checked(
        self, entry: DashboardCastConfigEntry, user_input: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the data of the subentry; raises a DashboardCastError for what cannot be shown."""
        data = {key: value for key, value in user_input.items() if key != CONF_NAME}
        site = data.get(CONF_WEBSITE, {})
        url = site.get(CONF_URL)
        if (url is None) == (CONF_DASHBOARD not in data):
            raise SourceMissingError
        if url is None:
            data[CONF_DASHBOARD] = normalized_path(data[CONF_DASHBOARD])
        else:
            # Only administrators set up integrations, and they may show what they like.
            await async_allowed_urls(self.hass, url, None)
            _check_access(site)
        _check_template(data.get(CONF_RULES, {}).get(CONF_TEMPLATE))
        if not data[CONF_MEDIA_PLAYERS]:
            raise TargetMissingError
        for entity_id in data[CONF_MEDIA_PLAYERS]:
            check_screen(self.hass, entity_id)
        data = self._renamed(data, partial(kept_name, self.hass))
        data[CONF_ENTITIES] = identities_of(self.hass, DisplayConfig.of(data).names)
        await entry.runtime_data.async_check(DisplayConfig.of(data).source)
        return data

    async def _async_finish(self, name: str | None, data: dict[str, Any]) -> SubentryFlowResult:
        if name is None:
            shown = DisplayConfig.of(data).source
            titles = {view.path: view.title for view in await async_all_views(self.hass)}
            name = titles.get(shown.path, shown.name)
        if self.source == SOURCE_USER:
            return self.async_create_entry(title=name, data=data)
        subentry = self._get_reconfigure_subentry()
        return self.async_update_and_abort(self._get_entry(), subentry, title=name, data=data)

    @staticmethod
    def _renamed(data: Mapping[str, Any], rename: Callable[[str], str | None]) -> dict[str, Any]:
        """Return the data of a display with all its entities called something else; None leaves one out."""
        changed = {**data}
        if CONF_MEDIA_PLAYERS in data:
            changed[CONF_MEDIA_PLAYERS] = [*filter(None, map(rename, data[CONF_MEDIA_PLAYERS]))]
        rules, quiet = data.get(CONF_RULES, {}), data.get(CONF_QUIET, {})
        if CONF_CONDITION in rules:
            others = {key: value for key, value in rules.items() if key != CONF_CONDITION}
            condition = rename(rules[CONF_CONDITION])
            changed[CONF_RULES] = {**others, CONF_CONDITION: condition} if condition else others
        if CONF_POWER in quiet:
            changed[CONF_QUIET] = {**quiet, CONF_POWER: [*filter(None, map(rename, quiet[CONF_POWER]))]}
        return changed

    async def _async_known(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return a display's data with its entities as they are called now; those that are gone are left out.

        So is a user who is, for whom the form would have no choice.
        """
        known = self._renamed(data, partial(entity_id_of, self.hass, identities=data.get(CONF_ENTITIES, {})))
        look = known.get(CONF_LOOK, {})
        if look.get(CONF_USER) not in {user.id for user in await async_people(self.hass)}:
            known[CONF_LOOK] = {key: value for key, value in look.items() if key != CONF_USER}
        return known

    async def _async_schema(self) -> probatio.Schema:
        views = [
            SelectOptionDict(value=view.path, label=view.title) for view in await async_all_views(self.hass)
        ]
        return probatio.Schema(
            {
                probatio.Optional(CONF_DASHBOARD): SelectSelector(
                    SelectSelectorConfig(options=views, custom_value=True, mode=SelectSelectorMode.DROPDOWN)
                ),
                probatio.Required(CONF_MEDIA_PLAYERS): EntitySelector(
                    EntitySelectorConfig(
                        domain=MEDIA_PLAYER_DOMAIN, multiple=True, exclude_entities=self._own_players()
                    )
                ),
                probatio.Optional(CONF_NAME): TextSelector(),
                # With a default of its own, a section comes up empty whatever is set in it, and is saved so.
                probatio.Optional(CONF_WEBSITE): _collapsed(_WEBSITE),
                probatio.Optional(CONF_LOOK): _collapsed(await self._async_look()),
                probatio.Optional(CONF_PICTURE): _collapsed(_PICTURE),
                probatio.Optional(CONF_RULES): _collapsed(_RULES),
                probatio.Optional(CONF_QUIET): _collapsed(_QUIET),
            }
        )

    def _own_players(self) -> list[str]:
        """Return the media players of displays, which play nothing."""
        entries = er.async_entries_for_config_entry(er.async_get(self.hass), self._get_entry().entry_id)
        return [entry.entity_id for entry in entries if entry.domain == MEDIA_PLAYER_DOMAIN]

    async def _async_look(self) -> dict[probatio.Marker, Any]:
        people = [
            SelectOptionDict(value=user.id, label=user.name or user.id)
            for user in await async_people(self.hass)
        ]
        return {
            probatio.Optional(CONF_THEME): ThemeSelector(),
            probatio.Optional(CONF_DARK): _choice(CONF_DARK, ["false", "true", DARK_AUTO]),
            probatio.Optional(CONF_ZOOM, default=1.0): _scale(0.25, 4.0),
            probatio.Optional(CONF_FONT_SCALE, default=1.0): _scale(0.5, 3.0),
            probatio.Optional(CONF_OVERFLOW, default=Overflow.CLIP): _choice(CONF_OVERFLOW, [*Overflow]),
            probatio.Optional(CONF_LANGUAGE): LanguageSelector(),
            probatio.Optional(CONF_KIOSK, default=True): BooleanSelector(),
            probatio.Optional(CONF_USER): SelectSelector(
                SelectSelectorConfig(options=people, mode=SelectSelectorMode.DROPDOWN)
            ),
        }


def _collapsed(fields: dict[probatio.Marker, Any]) -> section:
    return section(probatio.Schema(fields), {"collapsed": True})


def _choice(key: str, options: list[str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(options=options, mode=SelectSelectorMode.DROPDOWN, translation_key=key)
    )


def _scale(lowest: float, highest: float) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(min=lowest, max=highest, step=0.05, mode=NumberSelectorMode.BOX)
    )


def _entries(key: str) -> ObjectSelector:
    """Return a list of names with values, of which only the names are seen."""
    value = TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
    return ObjectSelector(
        ObjectSelectorConfig(
            fields={
                CONF_NAME: {"selector": TextSelector(), "required": True},
                CONF_VALUE: {"selector": TextSelector(value), "required": True},
            },
            multiple=True,
            label_field=CONF_NAME,
            translation_key=key,
        )
    )


def _check_access(site: Mapping[str, Any]) -> None:
    """Check what lets us into a web page; raises HeaderInvalidError or CookieInvalidError."""
    for entry in site.get(CONF_HEADERS, ()):
        if not _suits(HEADERS, entry):
            raise HeaderInvalidError(name=entry[CONF_NAME])
    for entry in site.get(CONF_COOKIES, ()):
        if not _suits(COOKIES, entry):
            raise CookieInvalidError(name=entry[CONF_NAME])


def _check_template(template: str | None) -> None:
    """Check how a template is written; raises TemplateInvalidError."""
    try:
        cv.template(template or "")
    except probatio.Invalid as error:
        raise TemplateInvalidError(detail=str(error)) from error


def _suits(schema: probatio.Schema, entry: Mapping[str, str]) -> bool:
    try:
        schema({entry[CONF_NAME]: entry[CONF_VALUE]})
    except probatio.Invalid:
        return False
    return True


class _UncheckedTemplateSelector(TemplateSelector):
    """Takes any text: the frontend shows what selectors refuse in English, and away from the field."""

    @override
    def __call__(self, data: Any) -> str:
        return str(data)


_WEBSITE: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_URL): TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
    probatio.Optional(CONF_USERNAME): TextSelector(),
    probatio.Optional(CONF_PASSWORD): TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD)),
    probatio.Optional(CONF_HEADERS): _entries(CONF_HEADERS),
    probatio.Optional(CONF_COOKIES): _entries(CONF_COOKIES),
    probatio.Optional(CONF_LOCAL_STORAGE): _entries(CONF_LOCAL_STORAGE),
    probatio.Optional(CONF_VERIFY_SSL, default=True): BooleanSelector(),
}
_PICTURE: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_SIZE, default=SIZE_AUTO): _choice(CONF_SIZE, [SIZE_AUTO, *SizePreset]),
    probatio.Optional(CONF_FRAME_RATE, default=DEFAULT_FRAME_RATE): NumberSelector(
        NumberSelectorConfig(min=1, max=MAX_FRAME_RATE, unit_of_measurement="fps")
    ),
    probatio.Optional(CONF_FORMAT, default=FORMAT_AUTO): _choice(CONF_FORMAT, [FORMAT_AUTO, *StreamFormat]),
}
_RULES: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_CONDITION): EntitySelector(EntitySelectorConfig(domain=[*CONDITION_DOMAINS])),
    probatio.Optional(CONF_TEMPLATE): _UncheckedTemplateSelector(),
    probatio.Optional(CONF_PRIORITY, default=0): NumberSelector(
        NumberSelectorConfig(min=-10, max=10, step=1)
    ),
    probatio.Optional(CONF_PATIENCE, default=DEFAULT_PATIENCE_S): NumberSelector(
        NumberSelectorConfig(min=0, max=3600, unit_of_measurement="s", mode=NumberSelectorMode.BOX)
    ),
    probatio.Optional(CONF_INTERRUPT, default=False): BooleanSelector(),
}
_QUIET: Final[dict[probatio.Marker, Any]] = {
    probatio.Optional(CONF_VOLUME): NumberSelector(
        NumberSelectorConfig(min=0, max=100, step=1, unit_of_measurement="%")
    ),
    probatio.Optional(CONF_SILENT_START, default=False): BooleanSelector(),
    probatio.Optional(CONF_POWER): EntitySelector(
        EntitySelectorConfig(domain=["media_player", "switch", "remote", "input_boolean"], multiple=True)
    ),
}
