"""Readers of single files: what they refuse, and where."""

import pytest

from kgkeras.datasets import benchmark_texts, metaqa, semeval
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


@pytest.mark.parametrize("content", ["{", "[]"])
def test_what_is_no_json_object_is_refused(tmp_path, content):
    (tmp_path / "types.json").write_text(content)
    with pytest.raises(GraphFormatError, match=r"types\.json: must be (a )?JSON"):
        benchmark_texts.read_json(tmp_path / "types.json")
