"""What tests and the demo ask of a running Home Assistant, over its public HTTP and WebSocket APIs."""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

CLIENT_ID = "http://127.0.0.1/"
PROGRESS_INTERVAL_S = 0.1
CONFIG_ENTRIES = "/api/config/config_entries"

type Json = dict[str, Any]
type Data = Mapping[str, Any]


class CommandError(Exception):
    """Home Assistant refused a WebSocket command; says so in its own words."""

    def __init__(self, error: Data) -> None:
        super().__init__(f"{error['message']} ({error['code']})")
        self.code: str = error["code"]
        self.message: str = error["message"]
        self.translation_key: str | None = error.get("translation_key")
        self.translation_placeholders: Json = error.get("translation_placeholders") or {}


class ServiceError(CommandError):
    """An action failed; `message` is what a person would see."""


class FlowError(Exception):
    """A config flow did not go where the inputs meant to take it; `result` is its last answer."""

    def __init__(self, why: str, result: Json) -> None:
        super().__init__(f"{why}: {result}")
        self.result = result
        self.errors: dict[str, str] = result.get("errors") or {}


class RequestError(Exception):
    """An HTTP request to Home Assistant failed."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{method} {path}: {status} {text}")
        self.status = status


class HomeApi:
    """One user's access to one Home Assistant."""

    url: str
    token: str | None = None

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def session(self) -> aiohttp.ClientSession:
        """The HTTP session; requests made with it directly carry no credentials."""
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, method: str, path: str, body: Data | None = None, **options: Any) -> Any:
        """Return the JSON answer to a request made with the user's token.

        Raises RequestError for an answer that is not a success.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.session.request(
            method, f"{self.url}{path}", json=body, headers=headers, **options
        ) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise RequestError(method, path, response.status, await response.text())
            return await response.json()

    async def websocket(self, **fields: Any) -> Any:
        """Return the result of one WebSocket command: `type` and whatever else it takes.

        Raises CommandError when Home Assistant refuses.
        """
        async with self.session.ws_connect(f"{self.url}/api/websocket", max_msg_size=0) as socket:
            await socket.receive_json()
            await socket.send_json({"type": "auth", "access_token": self.token})
            answer = await socket.receive_json()
            if answer["type"] != "auth_ok":
                raise CommandError({"code": answer["type"], "message": answer.get("message", "")})
            await socket.send_json({"id": 1, **fields})
            answer = await socket.receive_json()
        if not answer["success"]:
            raise CommandError(answer["error"])
        return answer["result"]

    async def call(
        self,
        domain: str,
        service: str,
        data: Data | None = None,
        *,
        return_response: bool = False,
        target: Data | None = None,
    ) -> Any:
        """Perform an action and wait until it is done; its response when one is asked for.

        Raises ServiceError with Home Assistant's message when it fails.
        """
        command: Json = {
            "type": "call_service",
            "domain": domain,
            "service": service,
            "service_data": dict(data or {}),
            "return_response": return_response,
        }
        if target is not None:
            command["target"] = dict(target)
        try:
            result = await self.websocket(**command)
        except CommandError as error:
            raise ServiceError(vars(error)) from error
        return result.get("response")

    async def states(self) -> dict[str, Json]:
        """Return every entity's state object by entity id."""
        states: list[Json] = await self.request("GET", "/api/states")
        return {state["entity_id"]: state for state in states}

    async def state(self, entity_id: str) -> Json | None:
        """Return an entity's state object, None when there is no such entity."""
        try:
            state: Json = await self.request("GET", f"/api/states/{entity_id}")
        except RequestError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return state

    async def wait_state(
        self,
        entity_id: str,
        predicate: Callable[[Json], bool],
        timeout: float = 10,  # noqa: ASYNC109
    ) -> Json:
        """Return the entity's state object as soon as it fulfils the predicate.

        Raises TimeoutError with the last state after `timeout` seconds.
        """
        state: Json | None = None
        try:
            async with asyncio.timeout(timeout):
                while (state := await self.state(entity_id)) is None or not predicate(state):  # noqa: ASYNC110
                    await asyncio.sleep(PROGRESS_INTERVAL_S)
        except TimeoutError:
            raise TimeoutError(f"{entity_id} is not as expected after {timeout} s: {state}") from None
        return state

    async def flow(self, handler: str, *inputs: Data) -> Json:
        """Return what a config flow ends with (`create_entry` or `abort`), one input for each step.

        Raises FlowError when a form shows an error, when inputs are left over or missing.
        """
        return await self._flow(f"{CONFIG_ENTRIES}/flow", {"handler": handler}, inputs)

    async def reconfigure(self, handler: str, entry_id: str, *inputs: Data) -> Json:
        """Return what a reconfigure flow of an entry ends with; raises FlowError like `flow`."""
        return await self._flow(f"{CONFIG_ENTRIES}/flow", {"handler": handler, "entry_id": entry_id}, inputs)

    async def options(self, entry_id: str, *inputs: Data) -> Json:
        """Return what an options flow of an entry ends with; raises FlowError like `flow`."""
        return await self._flow(f"{CONFIG_ENTRIES}/options/flow", {"handler": entry_id}, inputs)

    async def subentry(self, entry_id: str, kind: str, *inputs: Data, subentry_id: str | None = None) -> Json:
        """Return what a subentry flow ends with: a new one, or a given one reconfigured.

        Raises FlowError like `flow`.
        """
        start: Json = {"handler": [entry_id, kind]}
        if subentry_id is not None:
            start["subentry_id"] = subentry_id
        return await self._flow(f"{CONFIG_ENTRIES}/subentries/flow", start, inputs)

    async def fix(self, domain: str, issue_id: str, *inputs: Data) -> Json:
        """Return what the fix flow of an issue ends with; raises FlowError like `flow`."""
        return await self._flow("/api/repairs/issues/fix", {"handler": domain, "issue_id": issue_id}, inputs)

    async def issues(self, domain: str) -> dict[str, Json]:
        """Return what an integration has listed under Repairs, by id."""
        answer = await self.websocket(type="repairs/list_issues")
        return {issue["issue_id"]: issue for issue in answer["issues"] if issue["domain"] == domain}

    async def _flow(self, path: str, start: Json, inputs: tuple[Data, ...]) -> Json:
        result: Json = await self.request("POST", path, start)
        for index, data in enumerate(inputs):
            result = await self._after_progress(path, result)
            if result["type"] not in ("form", "menu"):
                raise FlowError(f"the flow ended before input {index + 1}", result)
            result = await self.request("POST", f"{path}/{result['flow_id']}", data)
            if result.get("errors"):
                raise FlowError(f"input {index + 1} was refused", result)
        result = await self._after_progress(path, result)
        if result["type"] in ("form", "menu"):
            raise FlowError("the flow wants more inputs", result)
        return result

    async def _after_progress(self, path: str, result: Json) -> Json:
        while result["type"] == "progress":
            await asyncio.sleep(PROGRESS_INTERVAL_S)
            result = await self.request("GET", f"{path}/{result['flow_id']}")
        return result

    async def entries(self, domain: str | None = None) -> list[Json]:
        """Return the config entries, of one integration or all."""
        query = {"domain": domain} if domain else {}
        entries: list[Json] = await self.request("GET", f"{CONFIG_ENTRIES}/entry", params=query)
        return entries

    async def remove_entry(self, entry_id: str) -> None:
        """Remove a config entry; raises RequestError when there is no such entry."""
        await self.request("DELETE", f"{CONFIG_ENTRIES}/entry/{entry_id}")

    async def reload_entry(self, entry_id: str) -> None:
        """Reload a config entry; raises RequestError when it cannot be reloaded."""
        await self.request("POST", f"{CONFIG_ENTRIES}/entry/{entry_id}/reload")

    async def add_cast(self, known_hosts: list[str]) -> str:
        """Set up the Cast integration for devices at these addresses; return its entry id."""
        result = await self.flow("cast", {"known_hosts": known_hosts})
        entry_id: str = result["result"]["entry_id"]
        return entry_id

    async def add_user(self, name: str, password: str, group: str = "system-read-only") -> str:
        """Add a person who can sign in by name and password; return an access token (30 minutes)."""
        created = await self.websocket(type="config/auth/create", name=name, group_ids=[group])
        await self.websocket(
            type="config/auth_provider/homeassistant/create",
            user_id=created["user"]["id"],
            username=name.lower(),
            password=password,
        )
        return await self.sign_in(name.lower(), password)

    async def sign_in(self, username: str, password: str) -> str:
        """Return an access token (30 minutes) for a user; raises FlowError for a wrong password."""
        start = {"client_id": CLIENT_ID, "redirect_uri": CLIENT_ID, "handler": ["homeassistant", None]}
        form = await self.request("POST", "/auth/login_flow", start)
        answer = {"client_id": CLIENT_ID, "username": username, "password": password}
        result: Json = await self.request("POST", f"/auth/login_flow/{form['flow_id']}", answer)
        if result["type"] != "create_entry":
            raise FlowError("signing in failed", result)
        return await self.access_token(result["result"])

    async def access_token(self, code: str) -> str:
        """Return the access token that an authorization code stands for."""
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": code}
        async with self.session.post(f"{self.url}/auth/token", data=form) as response:
            token: str = (await response.json())["access_token"]
        return token
