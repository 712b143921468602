"""Tests of signing in: whose dashboards are shown, and what a page gets to prove it."""

from datetime import timedelta
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_READ_ONLY
from homeassistant.auth.models import TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN, RefreshToken, User
from homeassistant.core import HomeAssistant
import pytest

from custom_components.dashboard_cast.auth import SignIn, async_ensure_user, async_remove_user
from custom_components.dashboard_cast.const import CONF_USER, CONF_USER_ID
from custom_components.dashboard_cast.errors import SignInFailedError

from .common import MockConfigEntry, MockUser

HOME = "http://127.0.0.1:8123"


@pytest.fixture
def sign_in(hass: HomeAssistant, entry: MockConfigEntry) -> SignIn:
    """Return what hands out access tokens."""
    return SignIn(hass, entry, HOME)


def _choose(hass: HomeAssistant, entry: MockConfigEntry, user: User) -> None:
    hass.config_entries.async_update_entry(entry, options={CONF_USER: user.id})


def _validated(hass: HomeAssistant, token: str) -> RefreshToken:
    refresh_token = hass.auth.async_validate_access_token(token)
    assert refresh_token is not None
    return refresh_token


async def test_own_user(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The integration's own user is the system's, may only look, and only from the local network."""
    user = await async_ensure_user(hass, entry)
    assert user.system_generated
    assert user.local_only
    assert user.is_active
    assert not user.is_admin
    assert [group.id for group in user.groups] == [GROUP_ID_READ_ONLY]
    assert entry.data[CONF_USER_ID] == user.id
    assert not user.permissions.check_entity("light.kitchen", "control")
    assert user.permissions.check_entity("light.kitchen", "read")


async def test_own_user_is_kept(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """There is one such user, however often it is asked for."""
    user = await async_ensure_user(hass, entry)
    assert await async_ensure_user(hass, entry) is user
    assert len([found for found in await hass.auth.async_get_users() if found.name == user.name]) == 1


async def test_own_user_is_made_again(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """When somebody removed the user there is another, and other data stay."""
    hass.config_entries.async_update_entry(entry, data={"ffmpeg": "/opt/ffmpeg"})
    user = await async_ensure_user(hass, entry)
    await hass.auth.async_remove_user(user)
    again = await async_ensure_user(hass, entry)
    assert again.id != user.id
    assert entry.data == {"ffmpeg": "/opt/ffmpeg", CONF_USER_ID: again.id}


async def test_remove_user(hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn) -> None:
    """With the user go its access tokens; a second removal does nothing."""
    user = await async_ensure_user(hass, entry)
    token = (await sign_in.async_credentials()).token
    await async_remove_user(hass, entry)
    assert await hass.auth.async_get_user(user.id) is None
    assert hass.auth.async_validate_access_token(token) is None
    await async_remove_user(hass, entry)


async def test_remove_user_that_was_never_made(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """An entry that was never set up has no user to remove, and other users stay."""
    before = await hass.auth.async_get_users()
    await async_remove_user(hass, entry)
    assert await hass.auth.async_get_users() == before


async def test_credentials(hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn) -> None:
    """A page gets an access token that is valid for the own user, and is told for how long."""
    credentials = await sign_in.async_credentials()
    refresh_token = _validated(hass, credentials.token)
    assert refresh_token.user.id == entry.data[CONF_USER_ID]
    assert refresh_token.client_id is None
    assert credentials.expires_in == refresh_token.access_token_expiration.total_seconds()
    assert 60 <= credentials.expires_in <= 1800


async def test_credentials_are_short_lived(
    hass: HomeAssistant, sign_in: SignIn, freezer: FrozenDateTimeFactory
) -> None:
    """An access token ends when the page was told it would."""
    credentials = await sign_in.async_credentials()
    freezer.tick(timedelta(seconds=credentials.expires_in - 5))
    _validated(hass, credentials.token)
    freezer.tick(timedelta(seconds=30))
    assert hass.auth.async_validate_access_token(credentials.token) is None
    _validated(hass, (await sign_in.async_credentials()).token)


async def test_one_refresh_token(hass: HomeAssistant, sign_in: SignIn) -> None:
    """However many pages ask, the user has one refresh token."""
    first, second = [_validated(hass, (await sign_in.async_credentials()).token) for _ in range(2)]
    assert first is second
    assert list(first.user.refresh_tokens.values()) == [first]


@pytest.mark.parametrize("own", [True, False])
async def test_earlier_run_was_killed(
    hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn, *, own: bool
) -> None:
    """Of a run that could not revoke it no token stays; a person's own tokens do."""
    user: User = await async_ensure_user(hass, entry) if own else MockUser().add_to_hass(hass)
    kept = []
    if not own:
        _choose(hass, entry, user)
        kept = [
            await hass.auth.async_create_refresh_token(user, client_id=HOME, client_name="Phone"),
            await hass.auth.async_create_refresh_token(
                user, client_name="Dashboard Cast", token_type=TOKEN_TYPE_LONG_LIVED_ACCESS_TOKEN
            ),
        ]
    before = (await sign_in.async_credentials()).token
    now = (await SignIn(hass, entry, HOME).async_credentials()).token
    assert hass.auth.async_validate_access_token(before) is None
    assert list(user.refresh_tokens.values()) == [*kept, _validated(hass, now)]


async def test_revoked_by_somebody(hass: HomeAssistant, sign_in: SignIn) -> None:
    """When somebody revoked the refresh token, the next page gets another."""
    token = (await sign_in.async_credentials()).token
    hass.auth.async_remove_refresh_token(_validated(hass, token))
    assert hass.auth.async_validate_access_token(token) is None
    _validated(hass, (await sign_in.async_credentials()).token)


async def test_revoke(hass: HomeAssistant, sign_in: SignIn) -> None:
    """Revoking ends all access tokens; done twice it does nothing more."""
    tokens = [(await sign_in.async_credentials()).token for _ in range(2)]
    user = _validated(hass, tokens[0]).user
    sign_in.revoke()
    assert [hass.auth.async_validate_access_token(token) for token in tokens] == [None, None]
    assert not user.refresh_tokens
    sign_in.revoke()


async def test_revoked_on_unload(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """No access token outlives the config entry's unloading."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    token = (await entry.runtime_data._sign_in.async_credentials()).token
    _validated(hass, token)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert hass.auth.async_validate_access_token(token) is None


async def test_chosen_user(hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn) -> None:
    """The user of the options is signed in instead, as a client of Home Assistant's own address."""
    person = MockUser(name="Person").add_to_hass(hass)
    _choose(hass, entry, person)
    assert await sign_in.async_user() is person
    refresh_token = _validated(hass, (await sign_in.async_credentials()).token)
    assert refresh_token.user is person
    assert refresh_token.client_id == f"{HOME}/"
    assert refresh_token.client_name == "Dashboard Cast"


async def test_user_changes(hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn) -> None:
    """A token is of the user that is chosen now, not of the one before."""
    own = _validated(hass, (await sign_in.async_credentials()).token).user
    person = MockUser(name="Person").add_to_hass(hass)
    _choose(hass, entry, person)
    assert _validated(hass, (await sign_in.async_credentials()).token).user is person
    assert own is not person


async def test_chosen_user_is_gone(hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn) -> None:
    """A chosen user who was removed is no reason to fall back on another."""
    person = MockUser(name="Person").add_to_hass(hass)
    _choose(hass, entry, person)
    await hass.auth.async_remove_user(person)
    with pytest.raises(SignInFailedError):
        await sign_in.async_user()
    with pytest.raises(SignInFailedError):
        await sign_in.async_credentials()


async def test_chosen_user_is_switched_off(
    hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn
) -> None:
    """A chosen user who was switched off is not signed in."""
    person = MockUser(name="Person").add_to_hass(hass)
    _choose(hass, entry, person)
    await sign_in.async_credentials()
    await hass.auth.async_deactivate_user(person)
    with pytest.raises(SignInFailedError):
        await sign_in.async_credentials()


async def test_own_user_is_switched_off(hass: HomeAssistant, entry: MockConfigEntry, sign_in: SignIn) -> None:
    """The own user, switched off by an administrator, stays so."""
    await hass.auth.async_deactivate_user(await async_ensure_user(hass, entry))
    with pytest.raises(SignInFailedError):
        await sign_in.async_credentials()


async def test_refused(hass: HomeAssistant, sign_in: SignIn) -> None:
    """When Home Assistant refuses an access token, that is a failed sign-in."""
    with (
        patch.object(hass.auth, "async_create_access_token", side_effect=ValueError),
        pytest.raises(SignInFailedError),
    ):
        await sign_in.async_credentials()


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(days=1)], ids=["back", "ahead"])
async def test_clock_jumps(
    hass: HomeAssistant, sign_in: SignIn, freezer: FrozenDateTimeFactory, jump: timedelta
) -> None:
    """When the clock is set, the token of before does not count any more, and the next one does."""
    before = (await sign_in.async_credentials()).token
    _validated(hass, before)
    freezer.tick(jump)
    assert hass.auth.async_validate_access_token(before) is None
    _validated(hass, (await sign_in.async_credentials()).token)
