"""Score the answers to a blind test: shares with exact intervals, half is chance.

python recipes/score_blind_test.py --key blind_test/key.json --answers anna.json ben.json
"""

from agegen.evaluation.blind_answers import ScoreConfig, describe_scores, score
from agegen.run.cli import run_recipe


def main(config: ScoreConfig) -> None:
    """Score and print."""
    print("\n".join(describe_scores(score(config))))


if __name__ == "__main__":
    run_recipe(ScoreConfig, main, __doc__)
