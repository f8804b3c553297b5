"""What runs are read by."""

from dataclasses import replace

from pydantic import BaseModel

from agents.base import AgentRuntime
from artifacts.workers import Workers
from graphs.quality.blocking import LeakAction
from graphs.quality.judge import Judge
from graphs.quality.reviewer import DefaultReviewMode, Reviewer
from graphs.quality.rubric import Rubrics
from graphs.quality.text_graph import QualityOptions
from llm.factory import ModelChain, ModelFactory


class Reviewers:
    def __init__(
        self, models: ModelFactory, rubrics: Rubrics, judge: Judge, workers: Workers, leak_action: LeakAction
    ) -> None:
        self._models = models
        self.workers = workers
        self._leak_action = leak_action
        self.rubrics = rubrics
        self.judge = judge

    async def build(
        self, mode: DefaultReviewMode, author: ModelChain | None, rubric: str | None = None
    ) -> Reviewer | None:
        """Raises `UnknownRubric`."""
        if mode == "off":
            return None
        if rubric is not None:
            self.rubrics.get(rubric)
        return Reviewer(mode, self.rubrics, self.judge, await self.for_text(author), rubric, self._leak_action)

    async def for_run(
        self, mode: DefaultReviewMode, runtime: AgentRuntime, models: ModelChain | None, options: BaseModel | None
    ) -> Reviewer | None:
        """Raises `UnknownRubric`."""
        agent = runtime.agent
        rubric = (options.rubric if isinstance(options, QualityOptions) else None) or agent.rubric
        # What a reviewer is sent was written by anybody.
        reviewer = await self.build(mode, None if agent.review_only else models, rubric)
        if reviewer is None:
            return None
        patience = agent.judge_timeout_seconds
        judge = self.judge if patience is None else replace(self.judge, timeout_seconds=patience)
        return replace(reviewer, judge=judge, max_revisions=agent.max_revisions)

    async def for_text(self, author: ModelChain | None) -> ModelChain | None:
        """Who judges what that model wrote; `None` where nobody is there who may."""
        return await self._models.judge_for(author.info.spec if author else None)

    def judge_for(self, samples: int | None) -> Judge:
        """The judge, for another number of readings than usual."""
        return self.judge if samples is None else replace(self.judge, samples=samples)
