"""What runs are read by."""

from dataclasses import replace

from pydantic import BaseModel

from agents.base import Served
from artifacts.workers import Workers
from graphs.quality.blocking import LeakAction
from graphs.quality.gate import Gate, Quality
from graphs.quality.judge import Judge
from graphs.quality.reviewer import QualityWishes
from graphs.quality.rubric import Rubrics
from llm.factory import Candidate, ModelFactory


class Gates:
    def __init__(
        self, models: ModelFactory, rubrics: Rubrics, judge: Judge, workers: Workers, leak_action: LeakAction
    ) -> None:
        self._models = models
        self.workers = workers
        self._leak_action = leak_action
        self.rubrics = rubrics
        self.judge = judge

    async def gate(self, quality: Quality, author: Candidate | None, rubric: str | None = None) -> Gate | None:
        """Raises `UnknownRubric`."""
        if quality == "off":
            return None
        if rubric is not None:
            self.rubrics.get(rubric)
        return Gate(quality, self.rubrics, self.judge, await self.reader(author), rubric, self._leak_action)

    async def of_run(
        self, quality: Quality, served: Served, candidate: Candidate | None, wishes: BaseModel | None
    ) -> Gate | None:
        """Raises `UnknownRubric`."""
        agent = served.agent
        rubric = (wishes.rubric if isinstance(wishes, QualityWishes) else None) or agent.rubric
        # What a reviewer is sent was written by anybody.
        gate = await self.gate(quality, None if agent.reads else candidate, rubric)
        if gate is None:
            return None
        patience = agent.judge_timeout_seconds
        judge = self.judge if patience is None else replace(self.judge, patience=patience)
        return replace(gate, judge=judge, revisions=agent.revisions)

    async def reader(self, author: Candidate | None) -> Candidate | None:
        """Who judges what that model wrote; `None` where nobody is there who may."""
        return await self._models.judge(author.info.spec if author else None)

    def judge_for(self, samples: int | None) -> Judge:
        """The judge, for another number of readings than usual."""
        return self.judge if samples is None else replace(self.judge, samples=samples)
