"""What there is to recognise: files by name, models and SDKs by their spelling."""

import re

SKIPPED = frozenset(
    [
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "env", "node_modules", "__pycache__", ".mypy_cache",
        ".ruff_cache", ".pytest_cache", ".cache", ".next", ".gradle", ".terraform", ".idea", "dist", "build", "target",
        "site-packages", "bower_components", ".eggs", "vendor",
    ]
)  # fmt: skip
"""Folders that hold other people's code or what was built."""

MAX_FILE = 512 * 1024
MAX_PROMPT = 1024 * 1024

MCP_CONFIGS = frozenset(
    {
        ".mcp.json",
        "mcp.json",
        "mcp_config.json",
        "claude_desktop_config.json",
        ".vscode/mcp.json",
        ".cursor/mcp.json",
        ".gemini/settings.json",
        ".zed/settings.json",
        ".codex/config.toml",
    }
)
"""By name, or by folder and name."""
MCP_KEYS = ("mcpServers", "servers", "context_servers", "mcp_servers", "mcp.servers")

INSTRUCTIONS = frozenset(
    [
    "agents.md", "claude.md", "gemini.md", "agents.override.md", ".cursorrules", ".windsurfrules", ".clinerules",
        "copilot-instructions.md", "system_prompt.txt", "system_prompt.md", "system-prompt.txt", "system-prompt.md",
    ]
)  # fmt: skip
PROMPT_ENDINGS = (".prompt", ".prompt.md", ".prompt.txt", ".prompt.yaml", ".prompty", ".mdc")
PROMPT_FOLDERS = frozenset({"prompts", "prompt_templates"})
PROMPT_TEXTS = frozenset(
    [
    ".md", ".txt", ".jinja", ".jinja2", ".j2", ".tmpl", ".tpl", ".hbs", ".mustache", ".yaml", ".yml", ".json", ".xml",
        ".prompt",
    ]
)  # fmt: skip

CODE = frozenset(
    [
    ".py", ".pyi", ".ipynb", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts", ".go", ".java", ".kt",
        ".kts", ".scala", ".cs", ".rb", ".rs", ".php", ".swift", ".sh", ".bash", ".yaml", ".yml", ".toml", ".json",
        ".ini", ".cfg", ".conf", ".properties", ".tf", ".hcl",
    ]
)  # fmt: skip
DEPENDENCIES = re.compile(
    r"requirements[\w.-]*\.(txt|in)|pyproject\.toml|setup\.(py|cfg)|Pipfile|environment\.ya?ml|package\.json|go\.mod|"
    r"Cargo\.toml|Gemfile|pom\.xml|build\.gradle(\.kts)?|composer\.json|[\w.-]+\.csproj"
)
SDKS = {
    "anthropic": "anthropic", "@anthropic-ai/sdk": "anthropic", "claude-agent-sdk": "anthropic",
    "@anthropic-ai/claude-agent-sdk": "anthropic", "openai": "openai", "openai-agents": "openai", "@openai/agents": "openai",
    "google-genai": "google", "google-generativeai": "google", "@google/genai": "google", "google-adk": "google",
    "mistralai": "mistral", "@mistralai/mistralai": "mistral", "cohere": "cohere", "groq": "groq", "ollama": "ollama",
    "langchain": "", "langchain-openai": "openai", "langchain-anthropic": "anthropic", "langgraph": "",
    "@langchain/core": "", "@langchain/langgraph": "", "llama-index": "", "llamaindex": "", "litellm": "",
    "pydantic-ai": "", "crewai": "", "autogen-agentchat": "", "ag2": "", "smolagents": "", "semantic-kernel": "",
    "haystack-ai": "", "dspy": "", "instructor": "", "transformers": "", "vllm": "", "@ai-sdk/openai": "openai",
    "@ai-sdk/anthropic": "anthropic", "mcp": "", "fastmcp": "", "@modelcontextprotocol/sdk": "", "a2a-sdk": "",
}  # fmt: skip
"""Package → the provider that it speaks to; empty for several or none."""
IMPORTS = {
    b"anthropic": "anthropic", b"openai": "openai", b"mistralai": "mistralai", b"cohere": "cohere", b"groq": "groq",
    b"ollama": "ollama", b"langchain": "langchain", b"langgraph": "langgraph", b"llama_index": "llama-index",
    b"litellm": "litellm", b"pydantic_ai": "pydantic-ai", b"crewai": "crewai", b"smolagents": "smolagents",
    b"semantic_kernel": "semantic-kernel", b"dspy": "dspy", b"fastmcp": "fastmcp", b"mcp": "mcp", b"a2a": "a2a-sdk",
    b"google.genai": "google-genai", b"transformers": "transformers", b"vllm": "vllm",
}  # fmt: skip

MODEL_STARTS = (
    (b"claude-", "anthropic"), (b"gpt-", "openai"), (b"o1", "openai"), (b"o3", "openai"), (b"o4-", "openai"),
    (b"chatgpt-", "openai"), (b"text-embedding-", "openai"), (b"gemini-", "google"), (b"mistral-", "mistral"),
    (b"mixtral-", "mistral"), (b"codestral-", "mistral"), (b"command-", "cohere"), (b"llama-", ""), (b"llama3", ""),
    (b"deepseek-", "deepseek"), (b"qwen", ""), (b"grok-", "xai"),
)  # fmt: skip
MODEL_MARKS = (
    b"claude-", b"gpt-", b"gemini-", b"mistral-", b"mixtral-", b"codestral-", b"command-", b"lama", b"deepseek-", b"wen",
    b"grok-", b"text-embedding-", b"o1-", b"o3-", b"o4-",
)  # fmt: skip
MODEL = re.compile(
    rb"""["'`/:](claude-(?:\d|opus|sonnet|haiku|instant|v\d)[a-z0-9.-]{0,40}|(?:chat)?gpt-(?:\d|oss)[a-z0-9.-]{0,30}"""
    rb"""|o[134]-(?:mini|preview|pro|deep-research|\d{4}-\d\d-\d\d)[a-z0-9.-]{0,20}|text-embedding-[a-z0-9-]{1,30}"""
    rb"""|gemini-(?:\d|pro|embedding)[a-z0-9.-]{0,40}|(?:mistral|codestral)-(?:large|medium|small|nemo|\d|latest)[a-z0-9.-]{0,30}"""
    rb"""|mixtral-\d[a-z0-9.-]{0,30}|command-(?:r|a|light)[a-z0-9.+-]{0,30}|[Ll]lama-?[234][a-zA-Z0-9.:-]{0,40}"""
    rb"""|deepseek-(?:chat|reasoner|r\d|v\d|coder)[a-z0-9.-]{0,30}|[Qq]wen-?[0-9][a-zA-Z0-9.:-]{0,40}"""
    rb"""|grok-(?:\d|beta|code)[a-z0-9.-]{0,30})["'`]"""
)
BARE_MODEL = re.compile(rb"""model(?:_name|_id)?["']?\s{0,4}[:=]\s{0,4}["'](?:openai[/:])?(o[134])["']""")
"""Names too short to be told from other words, except where the word model stands before them."""
SNAPSHOT = re.compile(r"^(.+?)[-@](\d{8}|\d{4}-\d\d-\d\d)$")

KEY_NAME = re.compile(
    r"[A-Z][A-Z0-9_]{0,60}_?(?:API_?KEY|ACCESS_?KEY(?:_ID)?|SECRET(?:_?KEY)?|PRIVATE_?KEY|TOKEN|PASSWORD|PASSWD|CREDENTIALS?|KEY)"
    r"(?:_[A-Z0-9]{1,12})?"
)
"""Names of environment variables that hold keys."""
_ACCESS = (
    rb"""(?:iron(?:\.get\(|\[)|ironmentVariable\(|\.fetch\(|::var\(|\(|\[|\.)\s{0,4}["'`]?([A-Z][A-Z0-9_]{2,79})\b"""
)
ENVIRONMENT = {start: re.compile(start + _ACCESS) for start in (b"env", b"ENV", b"Env")}
"""How code reads environment variables; by their literal beginnings, for which a search skips quickly."""
REFERENCE = re.compile(r"\$\{(?:env:)?([A-Z][A-Z0-9_]{2,79})\b")
DOTENV = re.compile(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]{1,79})[ \t]*=(.*)$", re.MULTILINE)

SECRET_WORD = re.compile(r"key|token|secret|passw|credential|auth|cookie|session|bearer", re.IGNORECASE)
"""Names of settings whose values are secrets."""
LOOKS_SECRET = re.compile(
    r"sk-[\w-]{8}|[sr]k_(?:live|test)|gh[pousr]_\w{8}|github_pat_|glpat-|xox[abpsr]-|(?i:AKIA[0-9A-Z]{8})|AIza[\w-]{10}|eyJ[\w-]{8}"
    r"|-----BEGIN|hf_\w{10}|npm_\w{10}|(?=[\w+/=-]{24,}$)(?=\S*\d)(?=\S*[a-z])(?=\S*[A-Z])[\w+/=-]+"
)
"""Spellings of secrets; the last: 24 and more of digits, small and capital letters without a break."""
