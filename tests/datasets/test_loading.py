"""Benchmarks by name: what was published about them, and clear errors."""

import dataclasses
import subprocess
import sys
import types

import numpy as np
import pytest

from kgkeras import datasets
from kgkeras.datasets import loading, registry


@pytest.fixture
def data(shared_data, monkeypatch):
    """The folder of real benchmarks, where the loaders look for them."""
    monkeypatch.setenv("KGKERAS_DATA", str(shared_data))
    return shared_data


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("name", "entities", "relations", "sizes"),
    [
        ("codex-s", 2034, 42, (32888, 1827, 1828)),
        ("UMLS", 135, 46, (5216, 652, 661)),
        ("Kinship", 104, 25, (8544, 1068, 1074)),
        ("nations", 14, 55, (1592, 199, 201)),
        ("countries_s1", 271, 2, (1111, 24, 24)),
        ("countries_S2", 271, 2, (1063, 24, 24)),
        ("countries_S3", 271, 2, (985, 24, 24)),
    ],
)
def test_small_benchmarks_are_as_published(name, entities, relations, sizes):
    splits = datasets.load(name)
    assert (splits.num_entities, splits.num_relations) == (entities, relations)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == sizes
    report = splits.report()
    assert report.test.unseen_entities == report.test.leaked == 0
    assert report.train.duplicates == name.startswith("countries")


@pytest.mark.usefixtures("data")
def test_fb15k237_has_words_for_everything():
    splits = datasets.load("fb15k-237")
    assert (splits.num_entities, splits.num_relations) == (14541, 237)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (272115, 17535, 20466)
    texts = splits.train.entity_texts
    assert all(texts.names)
    assert all(splits.train.relation_texts.names)
    assert len(set(texts.names)) < len(texts.names)
    assert sum(not description for description in texts.descriptions) == 26
    assert not any("\\n" in d or '\\"' in d for d in texts.descriptions)
    mercer = splits.train.entity_index["/m/03wv2g"]
    assert texts.names[mercer] == "Mercer University"
    assert texts.descriptions[mercer].startswith("Mercer University is a private, coeducational")
    assert "Denton, Texas" in texts.aliases[splits.train.entity_index["/m/010016"]]


@pytest.mark.usefixtures("data")
def test_wn18rr_has_lemmas_and_glosses():
    graph = datasets.load("WN18RR").train
    assert graph.num_entities == 40943
    i = graph.entity_index["14854262"]
    assert graph.entity_name(i) == "stool"
    assert graph.entity_texts.descriptions[i] == "solid excretory product evacuated from the bowels"
    assert graph.relation_name(graph.relation_index["_has_part"]) == "has part"
    assert all(graph.entity_texts.names)
    assert all(graph.entity_texts.descriptions)
    assert not any("," in name or "_" in name for name in graph.entity_texts.names)


@pytest.mark.usefixtures("data")
def test_umls_and_codex_have_words():
    graph = datasets.load("umls").train
    virus = graph.entity_index["virus"]
    assert graph.entity_texts.descriptions[virus].startswith("A virus is a small infectious agent")
    assert graph.relation_name(graph.relation_index["isa"]) == "is a"
    graph = datasets.load("CoDEx-S").train
    boston = graph.entity_index["Q100"]
    assert graph.entity_name(boston) == "Boston"
    assert graph.entity_texts.descriptions[boston] == "city in Massachusetts"
    assert all(graph.entity_texts.types)
    assert graph.relation_name(graph.relation_index["P509"]) == "cause of death"


@pytest.mark.usefixtures("data")
def test_negatives_are_no_facts():
    splits, negatives = datasets.load("CoDEx-S"), datasets.load_negatives("codex-s")
    assert {name: len(graph) for name, graph in negatives.items()} == {"valid": 1827, "test": 1828}
    facts = set(map(tuple, splits.triples.tolist()))
    for graph in negatives.values():
        assert graph.entities == splits.entities
        assert not facts & set(map(tuple, graph.triples.tolist()))
    with pytest.raises(ValueError, match=r"`name` must be one of 'CoDEx-S', 'CoDEx-M'.*'UMLS'"):
        datasets.load_negatives("umls")


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("name", "entities", "relations"),
    [("fb237_v1", (1594, 1093), 180), ("wn18rr_v1", (2746, 922), 9)],
)
def test_inductive_graphs_share_relations_alone(name, entities, relations):
    both = datasets.load_inductive(name)
    assert (both.training.num_entities, both.inference.num_entities) == entities
    assert both.training.relations == both.inference.relations
    assert both.training.num_relations == relations
    assert not set(both.training.entities) & set(both.inference.entities)
    for splits in (both.training, both.inference):
        assert all(splits.train.entity_texts.names)
        report = splits.report()
        assert report.valid.unseen_entities == report.test.unseen_entities == 0


@pytest.mark.usefixtures("data")
def test_metaqa_questions_are_about_its_graph():
    graph = datasets.load("metaqa")
    assert (len(graph), graph.num_entities, graph.num_relations) == (133582, 43234, 9)
    questions = datasets.load_questions(1, "dev")
    assert len(questions) == 9992
    reached = 0
    for question in questions:
        assert f"[{question.topic}]" in question.text
        near = graph.neighbours(graph.entity_index[question.topic])
        reached += {graph.entity_index[answer] for answer in question.answers} <= set(near.tolist())
    assert reached >= 9990
    assert len(datasets.load_questions(3, "test")) == 14274
    with pytest.raises(FileNotFoundError, match=r"1-hop/qa_train\.txt.*github\.com/yuyuz/MetaQA"):
        datasets.load_questions(1, "train")


def test_questions_are_of_few_kinds():
    with pytest.raises(ValueError, match="`hops` must be one of 1, 2, 3"):
        datasets.load_questions(4)
    with pytest.raises(ValueError, match="`split` must be one of 'train', 'dev', 'test'"):
        datasets.load_questions(1, "valid")


@pytest.mark.usefixtures("data")
def test_semeval_is_as_published():
    task = datasets.load_texts("semeval2010-task8")
    assert (len(task.train), len(task.valid), len(task.test)) == (7200, 800, 2717)
    assert len(task.classes) == 19
    assert list(task.classes) == sorted(task.classes)
    whole = datasets.load_texts("SemEval2010-Task8", valid=0)
    assert (len(whole.train), len(whole.valid)) == (8000, 0)
    counts = np.bincount(whole.train.labels, minlength=19)
    assert counts[task.classes.index("Entity-Destination(e2,e1)")] == 1
    assert counts[task.classes.index("Other")] == 1410
    assert sorted(task.train.texts + task.valid.texts) == sorted(whole.train.texts)
    assert whole.test.texts[1] == "The <e1>company</e1> fabricates plastic <e2>chairs</e2>."
    assert task.classes[whole.test.labels[1]] == "Product-Producer(e2,e1)"


@pytest.mark.usefixtures("data")
def test_commonsense_questions_are_about_phrases_of_conceptnet():
    task = datasets.load_choices("commonsenseqa")
    assert [len(split) for split in (task.train, task.valid, task.test)] == [8500, 1221, 1241]
    assert {len(choices) for choices in task.test.choices} == {5}
    assert not set(task.train.questions) & set(task.test.questions)
    counts = np.bincount(task.train.labels, minlength=5)
    assert counts.min() > 0.18 * len(task.train)  # the place of an answer tells nothing
    splits = datasets.load("conceptnet-100k")
    assert (splits.num_entities, splits.num_relations) == (78334, 34)
    names = set(splits.train.entity_texts.names)
    known = [choice in names for choices in task.train.choices for choice in choices]
    assert 0.6 < np.mean(known) < 0.7
    assert "at location" in splits.train.relation_texts.names
    head, relation, tail = splits.train.triples[1]
    assert splits.relations[relation] == "AtLocation"
    assert (splits.entities[head], splits.entities[tail]) == ("restroom", "rest area")


@pytest.mark.usefixtures("data")
def test_semeval_validation_is_seeded():
    first, again, other = (
        datasets.load_texts("SemEval2010-Task8", valid=0.05, seed=seed) for seed in (1, 1, 2)
    )
    assert first.valid.texts == again.valid.texts != other.valid.texts
    assert len(other.valid) == 400
    with pytest.raises(ValueError, match="`valid` must be a rate"):
        datasets.load_texts("SemEval2010-Task8", valid=1)


def test_names_are_listed_and_close_ones_suggested():
    assert set(datasets.names()) >= {"FB15k-237", "WN18RR", "geography", "MetaQA", "CoDEx-M"}
    assert datasets.names("texts") == ("SemEval2010-Task8", "geography")
    assert len(datasets.names("inductive")) == 8
    with pytest.raises(ValueError, match=r"`name` must be one of .*WN18RR.*, or a folder.*'wn18'"):
        datasets.load("wn18")
    with pytest.raises(ValueError, match=r"Did you mean 'FB15k-237'\?"):
        datasets.load("FB15k237")
    with pytest.raises(ValueError, match="`name` must be one of SemEval2010-Task8, geography"):
        datasets.load_texts("WN18RR")
    with pytest.raises(ValueError, match=r"Did you mean 'fb237_v[1-4]'\?"):
        datasets.load_inductive("fb237_v5")
    with pytest.raises(ValueError, match="`kind` must be one of 'graphs', 'texts', 'choices'"):
        datasets.names("images")
    with pytest.raises(ValueError, match=r"`name` must be one of .*Received: 3 \(type int\)"):
        datasets.load(3)


def test_geography_is_loaded_when_asked_for(monkeypatch):
    stub = types.SimpleNamespace(load=lambda: "graph", load_texts=lambda seed=0: f"texts {seed}")
    monkeypatch.setitem(sys.modules, "kgkeras.datasets.geography", stub)
    assert datasets.load("geography") == "graph"
    assert datasets.load_texts("geography", seed=3) == "texts 3"


@pytest.mark.usefixtures("data")
def test_another_number_of_facts_is_refused(monkeypatch):
    nations = next(b for b in registry.BENCHMARKS if b.name == "nations")
    wrong = dataclasses.replace(nations, counts=(1592, 199, 202))
    monkeypatch.setattr(loading, "BENCHMARKS", (wrong,))
    with pytest.raises(ValueError, match=r"nations must have \(1592, 199, 202\).*1592, 199, 201"):
        datasets.load("nations")


def test_every_file_is_described():
    benchmarks = [*registry.BENCHMARKS, *(b for pair in registry.INDUCTIVE.values() for b in pair)]
    for benchmark in benchmarks:
        assert benchmark.licence
        assert benchmark.citation
        for role, file in benchmark.files.items():
            # Either the content is known, or the commit in the address is all that pins it.
            assert file.sha256 or file.optional or benchmark.name == "CoDEx-M", (role, file)
            pinned = any(len(part) == 40 for part in (file.url or "").split("/"))
            assert file.optional or pinned or file.sha256, (role, file)


def test_reading_needs_no_tensorflow(tmp_path):
    for split in ("train", "valid", "test"):
        (tmp_path / f"{split}.txt").write_text("a\tr\tb\n")
    code = (
        "import sys; from kgkeras import datasets; datasets.load(sys.argv[1]);"
        "sys.exit(bool({'tensorflow', 'keras', 'rdflib'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
