"""How scores are cut under a bound of memory."""

import dataclasses

import numpy as np

# Products of fewer rows are slower; more are no faster.
_ROWS = 2048
# Below this, reading the table again for every block costs more than cutting it in pieces.
_FEWEST_ROWS = 64
_BYTES_PER_SCORE = 16
_BYTES_PER_CANDIDATE = 4096


@dataclasses.dataclass(frozen=True)
class ScorePlan:
    """How many queries, and how many candidates, are scored at a time."""

    rows: int
    columns: int
    num_entities: int

    @classmethod
    def make(cls, model, memory):
        """What fits into so many bytes; `model` as for `rank`."""
        entities = model.num_entities
        score = _BYTES_PER_SCORE + getattr(model, "bytes_per_score", 4)
        rows = memory // (score * entities)
        if rows >= _FEWEST_ROWS or getattr(model, "scores_all", False):
            return cls(int(np.clip(rows, 1, _ROWS)), entities, entities)
        # Half of the memory for the candidates' vectors, half for the scores.
        scores = max(1, memory // 2 // score)
        columns = min(memory // 2 // _BYTES_PER_CANDIDATE, scores // _FEWEST_ROWS, entities)
        columns = max(columns, 1)
        return cls(int(np.clip(scores // columns, 1, _ROWS)), columns, entities)

    @property
    def whole(self):
        """Whether all candidates are scored at once."""
        return self.columns == self.num_entities

    def chunks(self):
        """Pairs of the first candidate and the ids of some candidates next to each other."""
        ids = np.arange(self.num_entities, dtype="int32")
        return [(i, ids[i : i + self.columns]) for i in range(0, self.num_entities, self.columns)]
