"""Makes samples/signals/inspect/ by running the real `inspect_ai` with its `mockllm` model on samples/agents.json.

`inspect_ai` is not among the portal's requirements. Run this in an environment of its own:

    python3 -m venv /path/to/venv && /path/to/venv/bin/pip install inspect_ai==0.3.285 backports.zstd
    /path/to/venv/bin/python samples/make_inspect.py

Logs carry the time at which they were made; samples/stage.py moves them to where a demo needs them.
"""

import hashlib
import json
import shutil
import sys
import tempfile
import unicodedata
from pathlib import Path

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import Generate, TaskState, generate, solver

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from samples.stage import rewrite  # noqa: E402

OUT = HERE / "signals" / "inspect"
AS_JSON = "liquidity-commentary"
"""One log is written as .json, since both formats are read."""


def output(text: str) -> ModelOutput:
    """A model's answer. Without usage, mockllm would look for a tokenizer on the network."""
    answer = ModelOutput.from_content("mockllm/model", text)
    answer.usage = ModelUsage(input_tokens=420, output_tokens=len(text) // 4, total_tokens=420 + len(text) // 4)
    return answer


@solver
def answer_as_planned(agent: dict):
    """Answers each case as agents.json says that this run went: right, wrong, wavering, or not at all."""
    run = agent["run"]

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        case = str(state.sample_id)
        if case in run["errored"]:
            raise RuntimeError("the tool documents.render did not answer within 60 s")
        if run["status"] == "error" and case == agent["cases"][-1]["case_id"]:
            raise ConnectionError("the sandbox went away")
        wrong = case in run["failed"] or (case in run["flaky"] and state.epoch == 2)
        model = get_model(
            "mockllm/model",
            custom_outputs=[output("Done, as you asked." if wrong else state.target.text)],
            memoize=False,
        )
        state.output = await model.generate(state.messages, config=GenerateConfig(temperature=0))
        state.messages.append(state.output.message)
        return state

    return solve


def digest(text: str) -> str:
    """SHA-256 of a prompt as the portal counts it: UTF-8, Unicode form C, line feeds."""
    return hashlib.sha256(unicodedata.normalize("NFC", text.replace("\r\n", "\n")).encode()).hexdigest()


def make(agent: dict, folder: Path) -> Path:
    """Run the agent's suite; returns the log's path."""
    pin = agent["models"][0]
    task = Task(
        name=agent["suite"]["name"],
        version=agent["suite"]["version"],
        dataset=[
            Sample(
                id=case["case_id"],
                input=case["input"],
                target=case["expected"],
                metadata={"critical": case["critical"], "failure_mode": case["failure_mode"]},
            )
            for case in agent["cases"]
        ],
        solver=[answer_as_planned(agent)],
        scorer=includes(),
        epochs=agent["run"]["epochs"],
        metadata={
            "portcullis_agent": agent["slug"],
            "portcullis_version": agent["run"]["version"],
            "portcullis_model": f"{pin['provider']}/{pin['model_id']}-{pin['snapshot']}",
            "portcullis_prompts": [digest(prompt["text"]) for prompt in agent["prompts"]],
        },
    )
    return _run(
        task, folder, stop=agent["run"]["status"] == "error", form="json" if agent["slug"] == AS_JSON else "eval"
    )


def make_unmatched(folder: Path) -> Path:
    """A log that names no agent, as an experiment on somebody's machine leaves it."""
    words = ["overdraft fee", "card abroad", "power of attorney", "standing order"]
    task = Task(
        name="retrieval-experiment",
        dataset=[Sample(id=f"q{n}", input=f"Which paragraph is about {w}?", target=w) for n, w in enumerate(words)],
        solver=[generate()],
        scorer=includes(),
    )
    return _run(
        task, folder, stop=False, form="eval", model=get_model("mockllm/model", custom_outputs=map(output, words))
    )


def _run(task: Task, folder: Path, *, stop: bool, form: str, model: object = "mockllm/model") -> Path:
    [log] = eval(task, model=model, log_dir=str(folder), log_format=form, fail_on_error=stop, display="none",
                 log_realtime=False, log_model_api=False)  # fmt: skip
    return Path(log.location)


def keep(log: Path, target: Path) -> None:
    """Copy a log. Tracebacks in it name folders of the machine, which are nobody's business: they become relative."""
    if log.suffix == ".json":
        shutil.copy(log, target)
        return
    folders = sorted({sys.prefix, sys.base_prefix, str(HERE.parent), str(log.parent)}, key=len, reverse=True)

    def change(text: str) -> str:
        for folder in folders:
            text = text.replace(folder + "/", "")
        return text

    rewrite(log, target, change)


def main() -> int:
    """Make all logs anew, named after their agents."""
    agents = json.loads((HERE / "agents.json").read_text())["agents"]
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        for agent in agents:
            log = make(agent, Path(folder))
            keep(log, OUT / f"{agent['slug']}-{agent['run']['version']}{log.suffix}")
            print(f"{agent['slug']}: {log.stat().st_size:,} bytes")
        keep(make_unmatched(Path(folder)), OUT / "retrieval-experiment.eval")
    return 0


if __name__ == "__main__":
    sys.exit(main())
