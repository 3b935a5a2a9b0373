"""Readers of single files: what they refuse, and where."""

import json

import pytest

from kgkeras.datasets import ChoiceQuestions, benchmark_texts, commonsense_qa, metaqa, semeval
from kgkeras.kg import GraphFormatError

SENTENCE = '1\t"The <e1>cat</e1> sat in the <e2>box</e2>."\n'


def test_semeval_comments_may_be_long_or_missing(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text(
        SENTENCE
        + "Content-Container(e1,e2)\nComment: a\n\n"
        + SENTENCE.replace("cat", '"dog"')
        + "Other\n"
    )
    texts, labels = semeval.read_file(path)
    assert texts[0] == "The <e1>cat</e1> sat in the <e2>box</e2>."
    assert [semeval.CLASSES[label] for label in labels] == ["Content-Container(e1,e2)", "Other"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SENTENCE + "Inside(e1,e2)\n", r"train\.txt:2: must be a class.*'Inside\(e1,e2\)'"),
        (SENTENCE + SENTENCE, r"train\.txt:2: must be the class of the sentence above"),
        (SENTENCE.replace("</e2>", ""), r"train\.txt:1: must hold each of .*'</e2>'"),
        (SENTENCE + "Other\nRemark\n", r"train\.txt:3: must be a numbered sentence or a comment"),
        (SENTENCE, r"train\.txt: must end with the class of a sentence"),
        ("", r"train\.txt: must end with the class of a sentence"),
    ],
)
def test_semeval_refuses_what_it_does_not_know(tmp_path, content, message):
    path = tmp_path / "train.txt"
    path.write_text(content)
    with pytest.raises(GraphFormatError, match=message):
        semeval.read_file(path)


def test_metaqa_questions_have_a_topic_and_answers(tmp_path):
    path = tmp_path / "qa.txt"
    path.write_text("who made [Solaris]\tAndrei Tarkovsky|Steven Soderbergh\n")
    (question,) = metaqa.read_questions(path)
    assert question.topic == "Solaris"
    assert question.answers == ("Andrei Tarkovsky", "Steven Soderbergh")
    for wrong in ("who made Solaris\tAndrei Tarkovsky", "who made [Solaris]", "[a] or [b]\tc"):
        path.write_text(f"who made [Solaris]\tAndrei Tarkovsky\n{wrong}\n")
        with pytest.raises(GraphFormatError, match=r"qa\.txt:2: must be a question with one"):
            metaqa.read_questions(path)


def test_metaqa_facts_are_told_once(tmp_path):
    path = tmp_path / "kb.txt"
    path.write_text("A|made_by|B\nC|made_by|B\nA|made_by|B\n")
    assert metaqa.read_graph({"graph": path}).triples.tolist() == [[0, 0, 1], [2, 0, 1]]


def test_all_entities_of_codex_come_before_some(tmp_path):
    contents = {
        "entity_texts": '{"Q1": {"label": "universe", "description": "all"}}',
        "some_entity_texts": "Q1\tworld\t\tsomewhere\n",
        "type_texts": '{"Q9": {"label": "object", "description": ""}}',
        "entity_types": '{"Q1": ["Q9", "Q8"], "Q2": []}',
        "relation_texts": '{"P1": {"label": "part of", "description": "is inside"}}',
    }
    paths = {role: tmp_path / role for role in contents}
    for role, path in paths.items():
        path.write_text(contents[role])
    entities, relations = benchmark_texts.codex(paths, ("Q2", "Q1"), ("P1",))
    assert entities.names == ("", "universe")
    assert entities.descriptions == ("", "all")
    assert entities.types == ("", "object")
    assert relations.names == ("part of",)
    assert relations.descriptions == ("is inside",)
    del paths["entity_texts"]
    assert benchmark_texts.codex(paths, ("Q1",), ())[0].names == ("world",)
    del paths["some_entity_texts"]
    assert benchmark_texts.codex(paths, ("Q1",), ())[0].names == ("",)


def _question(name, answer="B"):
    choices = [{"label": label, "text": label.lower()} for label in "AB"]
    question = {"stem": f"what of {name}?", "choices": choices}
    return json.dumps({"id": name, "answerKey": answer, "question": question}) + "\n"


def _commonsense(folder, train):
    contents = {"train": train, "dev": _question("d"), "inhouse": "two\n"}
    for role, content in contents.items():
        (folder / f"{role}.jsonl").write_text(content)
    return commonsense_qa.read({role: folder / f"{role}.jsonl" for role in contents})


def test_commonsense_questions_that_are_not_listed_are_the_test(tmp_path):
    task = _commonsense(tmp_path, _question("one") + _question("two", "A") + _question("three"))
    assert task.train.questions == ("what of two?",)
    assert task.train.labels.tolist() == [0]
    assert task.valid.questions == ("what of d?",)
    assert task.test.questions == ("what of one?", "what of three?")
    assert task.test.choices == (("a", "b"),) * 2
    assert task.test.labels.tolist() == [1, 1]
    assert task.test.take(1).questions == ("what of one?",)
    for wrong in ("{", "[]", _question("x", "C"), '{"id": "x"}'):
        with pytest.raises(GraphFormatError, match=r"train\.jsonl:2: must be a JSON object with"):
            _commonsense(tmp_path, _question("one") + wrong)


def test_questions_have_equally_many_choices_and_one_right_answer():
    with pytest.raises(ValueError, match=r"must be equally long\. Received: 1 questions, 2 lists"):
        ChoiceQuestions(("a",), (("b",), ("c",)), [0])
    with pytest.raises(ValueError, match=r"equally many choices\. Received: \[1, 2\]"):
        ChoiceQuestions(("a", "b"), (("b",), ("c", "d")), [0, 0])
    with pytest.raises(ValueError, match=r"`labels` must lie in \[0, 2\).*Received: 0 to 2"):
        ChoiceQuestions(("a", "b"), (("b", "c"), ("c", "d")), [0, 2])


@pytest.mark.parametrize("content", ["{", "[]"])
def test_what_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / "types.json").write_text(content)
    with pytest.raises(GraphFormatError, match=r"types\.json: must be (a )?JSON"):
        benchmark_texts.read_json(tmp_path / "types.json")
