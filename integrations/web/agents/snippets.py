"""What is pasted to connect each agent: one table for the page *Connect an agent* and for docs/agents.md.

Texts have `URL` for the address of `/mcp`, and `KEY` where the key itself has to stand. Most read the key from the
variable `COFFER_KEY`, so that it stays out of files.
"""

from dataclasses import dataclass

URL, KEY = "{{URL}}", "{{KEY}}"


@dataclass(frozen=True, slots=True)
class Snippet:
    """How one client connects.

    Attributes:
        place: the file that it belongs into, or `Terminal`.
        language: of the text, for documents.
        hint: what else the person has to do or to know.
        tried: with which version it was run, or by what it was checked.
    """

    client: str
    label: str
    kind: str
    place: str
    language: str
    text: str
    hint: str
    tried: str

    @property
    def holds_key(self) -> bool:
        """Whether the key itself stands in the text."""
        return KEY in self.text

    def filled(self, url: str, key: str) -> str:
        """Return the text with an address and a key."""
        return self.text.replace(URL, url).replace(KEY, key)


SNIPPETS = (
    Snippet(
        client="claude-code",
        label="Claude Code",
        kind="Terminal",
        place="Terminal",
        language="sh",
        text=f"""\
read -rs COFFER_KEY   # paste the key, press Enter: it stays out of the history
claude mcp add --transport http coffer {URL} \\
  --header "Authorization: Bearer $COFFER_KEY"
""",
        hint="`claude mcp list` says that coffer is connected; `/mcp` in Claude Code lists its tools.",
        tried="run with Claude Code 2.1.197",
    ),
    Snippet(
        client="claude-desktop",
        label="Claude Desktop",
        kind="Through a bridge",
        place="claude_desktop_config.json",
        language="json",
        text=f"""\
{{
  "mcpServers": {{
    "coffer": {{
      "command": "npx",
      "args": ["-y", "mcp-remote", "{URL}", "--transport", "http-only", "--header", "Authorization:${{COFFER_AUTH}}"],
      "env": {{ "COFFER_AUTH": "Bearer {KEY}" }}
    }}
  }}
}}
""",
        hint="Settings, Developer, Edit config. It starts a small bridge on this computer, which needs Node. "
        "An address without TLS other than localhost needs `--allow-http`.",
        tried="bridge run with mcp-remote 0.15.1",
    ),
    Snippet(
        client="cursor",
        label="Cursor",
        kind="Editor",
        place="~/.cursor/mcp.json",
        language="json",
        text=f"""\
{{
  "mcpServers": {{
    "coffer": {{
      "url": "{URL}",
      "headers": {{ "Authorization": "Bearer ${{env:COFFER_KEY}}" }}
    }}
  }}
}}
""",
        hint="Start Cursor with `COFFER_KEY` set, so that the key is not in the file.",
        tried="checked by documentation, not run",
    ),
    Snippet(
        client="vs-code",
        label="VS Code",
        kind="Copilot agents",
        place=".vscode/mcp.json",
        language="json",
        text=f"""\
{{
  "inputs": [
    {{ "type": "promptString", "id": "coffer-key", "description": "Key of Coffer", "password": true }}
  ],
  "servers": {{
    "coffer": {{
      "type": "http",
      "url": "{URL}",
      "headers": {{ "Authorization": "Bearer ${{input:coffer-key}}" }}
    }}
  }}
}}
""",
        hint="VS Code asks for the key once and keeps it in its own store.",
        tried="checked by the reference of VS Code, not run",
    ),
    Snippet(
        client="openai-agents",
        label="OpenAI Agents SDK",
        kind="Python",
        place="agent.py",
        language="python",
        text=f"""\
import os

from agents import Agent
from agents.mcp import MCPServerStreamableHttp


async def main():
    async with MCPServerStreamableHttp(
        name="coffer",
        params={{
            "url": "{URL}",
            "headers": {{"Authorization": f"Bearer {{os.environ['COFFER_KEY']}}"}},
            "timeout": 60,
        }},
        client_session_timeout_seconds=60,
        cache_tools_list=True,
    ) as coffer:
        agent = Agent(name="Receptionist", mcp_servers=[coffer])
        print([tool.name for tool in await coffer.list_tools()])
""",
        hint="Needs `openai-agents`. The timeouts leave slow calls time to answer.",
        tried="run with openai-agents 0.24.0",
    ),
    Snippet(
        client="langchain",
        label="LangChain",
        kind="Python",
        place="agent.py",
        language="python",
        text=f"""\
import os

from langchain_mcp_adapters.client import MultiServerMCPClient


async def main():
    client = MultiServerMCPClient(
        {{
            "coffer": {{
                "transport": "streamable_http",
                "url": "{URL}",
                "headers": {{"Authorization": f"Bearer {{os.environ['COFFER_KEY']}}"}},
            }}
        }}
    )
    tools = await client.get_tools()
    print([tool.name for tool in tools])
""",
        hint="Needs `langchain-mcp-adapters`. Pass the tools to `create_agent`.",
        tried="run with langchain-mcp-adapters 0.3.2",
    ),
    Snippet(
        client="livekit",
        label="LiveKit Agents",
        kind="Voice, Python",
        place="agent.py",
        language="python",
        text=f"""\
import os

from livekit.agents import AgentSession, mcp

session = AgentSession(
    # stt, llm, tts …
    tools=[
        mcp.MCPToolset(
            id="coffer",
            mcp_server=mcp.MCPServerHTTP(
                "{URL}",
                headers={{"Authorization": f"Bearer {{os.environ['COFFER_KEY']}}"}},
                client_session_timeout_seconds=60,
            ),
        )
    ],
)
""",
        hint="Needs `livekit-agents[mcp]`. The timeout leaves slow calls time to answer; its default is 5 seconds.",
        tried="run with livekit-agents 1.8.9",
    ),
    Snippet(
        client="pipecat",
        label="Pipecat",
        kind="Voice, Python",
        place="bot.py",
        language="python",
        text=f"""\
import os

from mcp.client.session_group import StreamableHttpParameters
from pipecat.services.mcp_service import MCPClient


async def main():
    coffer = MCPClient(
        server_params=StreamableHttpParameters(
            url="{URL}",
            headers={{"Authorization": f"Bearer {{os.environ['COFFER_KEY']}}"}},
        )
    )
    tools = await coffer.tools()
    print([tool.name for tool in tools.standard_tools])
    await coffer.close()
""",
        hint="Needs `pipecat-ai[mcp]` 1.8 or newer. Give the tools to the context: `LLMContext(tools=tools)`.",
        tried="run with pipecat-ai 1.14.0",
    ),
    Snippet(
        client="vapi",
        label="Vapi",
        kind="Voice, hosted",
        place="Tool of the assistant",
        language="json",
        text=f"""\
{{
  "type": "mcp",
  "function": {{ "name": "coffer" }},
  "server": {{
    "url": "{URL}",
    "headers": {{ "Authorization": "Bearer {KEY}" }}
  }},
  "metadata": {{ "protocol": "shttp" }}
}}
""",
        hint="Vapi calls from the internet, so the address of Coffer must be reachable from there.",
        tried="checked by the reference of Vapi, not run",
    ),
    Snippet(
        client="n8n",
        label="n8n",
        kind="Workflows",
        place="MCP Client Tool",
        language="text",
        text=f"""\
Endpoint: {URL}
Server Transport: HTTP Streamable
Authentication: Bearer Auth
Bearer Token: {KEY}
Tools to Include: All
""",
        hint="Fields of the node; Bearer Token is the field of its Bearer Auth credential, where n8n keeps the key.",
        tried="run with n8n 2.41.1",
    ),
    Snippet(
        client="curl",
        label="curl",
        kind="Any program",
        place="Terminal",
        language="sh",
        text=f"""\
read -rs COFFER_KEY   # paste the key, press Enter: it stays out of the history
curl -s {URL} -H "Authorization: Bearer $COFFER_KEY" -H 'Content-Type: application/json' \\
  -d '{{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}}'
""",
        hint="Lists the tools. Without MCP, `POST /api/v1/integrations/{id}/run` runs an integration.",
        tried="run with curl 7.88.1",
    ),
)
OF_CLIENT = {snippet.client: snippet for snippet in SNIPPETS}
