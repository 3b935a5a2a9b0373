"""What we export answers in a program that knows no Python: TensorFlow's C API."""

import pathlib
import shutil
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text

from kgkeras import export, models, pipelines, scorers
from kgkeras.export.proto import read_meta_graph, signatures
from tests import toy
from tests.export import small

SOURCE = pathlib.Path(__file__).with_name("c_api.c")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The compiled program."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        pytest.skip("needs a C compiler: none of cc, gcc and clang was found")
    libraries = pathlib.Path(tf.sysconfig.get_lib())
    names = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]
    missing = [name for name in names if not (libraries / name).exists()]
    if missing:
        pytest.skip(f"needs the libraries of TensorFlow's C API: {libraries} lacks {missing}")
    path = tmp_path_factory.mktemp("c_api") / "c_api"
    command = [compiler, "-std=c11", "-Wall", "-Werror", "-O1", str(SOURCE), "-o", str(path)]
    command += [f"-I{tf.sysconfig.get_include()}", f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
    subprocess.run([*command, *(f"-l:{name}" for name in names)], check=True)
    return path


def run(program, folder, signature, inputs, libraries=()):
    """The outputs of a signature as lists of texts, flat."""
    info = signatures(read_meta_graph(folder))[signature]
    command = [str(program), str(folder), *libraries]
    for name, values in inputs.items():
        command += ["--", info.inputs[name].name, *values]
    names = sorted(info.outputs)
    command += ["--", *(info.outputs[name].name for name in names)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    lines = done.stdout.decode("utf-8").split("\n")
    return {name: line.split("\t") for name, line in zip(names, lines, strict=False)}


def test_names_in_names_out(program, tmp_path):
    keras.utils.set_random_seed(3)
    model = models.LinkPredictor.from_graph(toy.graph(), scorers.ComplEx(), dim=8)
    folder = export.export_link_predictor(model, tmp_path / "links", k=3)
    query = {"head": ["e1", "nobody", "e29"], "relation": ["r2", "r0", "r1"]}
    answer = run(program, folder, "top_tails", query)
    assert answer["known"] == ["1", "0", "1"]
    for row in (0, 2):
        wanted = model.top_tails(query["head"][row], query["relation"][row], k=3)
        place = slice(3 * row, 3 * row + 3)
        assert answer["tails"][place] == [item.identifier for item in wanted]
        found = np.array(answer["scores"][place], float)
        np.testing.assert_allclose(found, [item.score for item in wanted], rtol=1e-5)
    assert answer["tails"][3:6] == [""] * 3


def links(facts, _, base):
    model = small.links(facts)
    folder = export.export_link_predictor(model, base, k=2)
    answers = model.top_tails("sao_paulo", "city_in", k=2)
    wanted = {
        "tails": [item.identifier for item in answers],
        "scores": [item.score for item in answers],
    }
    return folder, {"head": ["São Paulo"], "relation": ["city_in"]}, wanted


def paths(facts, _, base):
    model = small.paths(facts)
    folder = export.export_link_predictor(model, base, k=2)
    answers = model.top_tails("lima", "city_in", k=2)
    wanted = {"tails": [item.identifier for item in answers], "known": [1]}
    wanted["scores"] = [item.score for item in answers]
    return folder, {"head": ["lima"], "relation": ["city_in"]}, wanted


def joint(facts, preprocessor, base):
    model, classes = small.joint(facts), ("nein", "grün")
    folder = export.export_joint_model(model, preprocessor, facts, classes, base)
    scores = _probabilities(model, pipelines.encode_texts(preprocessor, small.TEXTS))
    return folder, {"text": small.TEXTS}, _labels(scores, classes)


def _marked(count, facts, base):
    model, preprocessor = small.marked(facts, count)
    texts, classes = small.MARKED[count], ("nein", "grün")
    folder = export.export_joint_model(model, preprocessor, facts, classes, base)
    scores = _probabilities(model, pipelines.encode_texts(preprocessor, texts))
    return folder, {"text": texts}, _labels(scores, classes)


def relation(facts, _, base):
    return _marked(2, facts, base)


def entity_type(facts, _, base):
    return _marked(1, facts, base)


def pairs(facts, preprocessor, base):
    model, classes = small.pairs(facts), ("nein", "grün")
    folder = export.export_knowledge_classifier(
        model, preprocessor, base, graph=facts, classes=classes
    )
    texts = {"text": ["Lima", "nothing known"], "second": ["is in Peru", "Brazil!"]}
    encoded = pipelines.encode_pairs(preprocessor, *texts.values())
    scores = _probabilities(model, encoded)
    return folder, texts, _labels(scores, classes)


def graph_text(facts, preprocessor, base):
    model, classes = small.graph_text(facts), ("nein", "grün")
    sampler = pipelines.SubgraphSampler(facts, hops=1, max_nodes=8, max_edges=16)
    folder = export.export_graph_text_model(model, preprocessor, facts, sampler, classes, base)
    encoded = pipelines.encode_texts(preprocessor, small.TEXTS)
    graphs = pipelines.entity_graphs(encoded["entity_ids"], sampler, model.max_mentions)
    scores = _probabilities(model, {**encoded, "graph": {k: v.numpy() for k, v in graphs.items()}})
    return folder, {"text": small.TEXTS}, _labels(scores, classes)


def questions(facts, preprocessor, base):
    model = small.questions(facts)
    folder = export.export_question_answerer(model, preprocessor, facts, base)
    asked = small.TEXTS[:2]
    told = model.predict(pipelines.encode_texts(preprocessor, asked), verbose=0)
    names = [small.NAMES[i] if i >= 0 else "" for i in np.ravel(told["answers"])]
    return folder, {"question": asked}, {"answers": names, "scores": np.ravel(told["scores"])}


def masked_lm(facts, _, base):
    preprocessor = small.masked_preprocessor(facts)
    model = small.masked_lm(facts, preprocessor)
    folder = export.export_masked_lm(model, preprocessor, facts, base, k=3, max_masks=1)
    inputs = dict(pipelines.encode_texts(preprocessor, ["Lima is in is"]))
    inputs["token_ids"] = np.array(inputs["token_ids"])
    inputs["token_ids"][0, 4] = preprocessor.tokenizer.mask_id
    inputs |= dict.fromkeys(("mask_positions", "entity_positions"), np.array([[4]], "int32"))
    logits = model({name: inputs[name] for name in model.input})["tokens"][0, 0]
    scores = np.asarray(keras.ops.softmax(logits))
    best = np.argsort(-scores)[:3]
    wanted = {"tokens": [preprocessor.tokenizer.tokens[i] for i in best], "scores": scores[best]}
    return folder, {"text": ["Lima is in [MASK]"]}, {**wanted, "entities": ["Lima", *[""] * 7]}


def text_links(facts, preprocessor, base):
    model = small.text_links(preprocessor)
    folder = export.export_model(model, base, preprocessor=preprocessor, graph=facts, k=2)
    scores = np.asarray(model.score_tails(np.array([2]), np.array([0])))[0]
    best = np.argsort(-scores)[:2]
    wanted = {"tails": [facts.entities[i] for i in best], "scores": scores[best]}
    return folder, {"head": ["São Paulo"], "relation": ["city_in"]}, wanted


def multitask(facts, _, base):
    preprocessor = small.masked_preprocessor(facts)
    model = small.multitask(facts, preprocessor)
    classes = {"truth": ("false", "true")}
    folder = export.export_model(
        model, base, preprocessor=preprocessor, graph=facts, classes=classes, k=3
    )
    task = model.task_model("truth")
    scores = np.asarray(keras.ops.sigmoid(task(pipelines.encode_texts(preprocessor, small.TEXTS))))
    scores = np.concatenate([1 - scores, scores], axis=1)
    return folder, {"text": small.TEXTS}, _labels(scores, classes["truth"])


def walks(facts, _, base):
    model = small.reasoner(facts)
    folder = export.export_model(model, base, graph=facts, k=2)
    answers, chances, _, _ = model.search({"head": [2], "relation": [0]}).answers(2, 5)
    wanted = {"tails": [facts.entities[i] for i in answers[0]], "scores": chances[0].numpy()}
    return folder, {"head": ["São Paulo"], "relation": ["city_in"]}, wanted


def question_walks(facts, preprocessor, base):
    model = small.reasoner(facts, preprocessor)
    folder = export.export_model(model, base, graph=facts, preprocessor=preprocessor, k=2)
    asked = small.TEXTS[:2]
    encoded = pipelines.encode_texts(preprocessor, asked)
    answers, chances, _, _ = model.search(encoded).answers(2, 5)
    names = [small.NAMES[i] for i in np.ravel(answers)]
    return folder, {"question": asked}, {"answers": names, "scores": np.ravel(chances)}


def tags(facts, preprocessor, base):
    model, text = small.tagger(facts), "São Paulo lies in Brazil!"
    kind = {"preprocessor": preprocessor, "graph": facts, "classes": ("place", "land")}
    folder = export.export_model(model, base, **kind)
    wanted = small.spans(model, preprocessor, text, kind["classes"])
    fills = {"scores": 0.0, "starts": -1, "ends": -1}
    filled = {
        name: values + [fills.get(name, "")] * (16 - len(values)) for name, values in wanted.items()
    }
    return folder, {"text": [text]}, filled


def writes(_, __, base):
    model = small.writer()
    folder = export.export_model(model, base)
    triples = [("Lima", "cityIn", "Peru"), ("Peru", "part_of", "1923-11-18")]
    tokens = model.tokens
    ids = model.write(tokens.encode_facts(triples)[0][None])[0]
    wanted = {"text": [tokens.decode(ids, tokens.entities(triples))]}
    wanted["entities"] = ["Lima", "Peru", "1923-11-18"]
    return folder, {"facts": [" ; ".join(" | ".join(fact) for fact in triples)]}, wanted


def _probabilities(model, inputs):
    head = getattr(model, "reader", model).head
    return np.asarray(head.probabilities(model(inputs, training=False)))


def _labels(scores, classes):
    labels = [classes[i] for i in scores.argmax(axis=-1)]
    return {"label": labels, "score": scores.max(axis=-1)}


KINDS = [links, paths, joint, relation, entity_type, pairs, graph_text]
KINDS += [questions, masked_lm, text_links, multitask, walks, question_walks, writes, tags]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_program_and_a_clean_process_answer_as_keras(
    program, run_in_clean_process, kind, tmp_path
):
    """The tokenizer and the linker are operations of TF Text."""
    facts = small.knowledge()
    folder, inputs, wanted = kind(facts, small.preprocessor(facts), tmp_path / "m")
    operations = pathlib.Path(tensorflow_text.__file__).parent.glob("python/ops/*.so")
    libraries = [str(path) for path in sorted(operations)]
    here = run_in_clean_process(folder, "serving_default", {k: list(v) for k, v in inputs.items()})
    there = run(program, folder, "serving_default", inputs, libraries)
    for name, values in wanted.items():
        found = np.ravel(here[name])
        if isinstance(values[0], str):
            assert found.tolist() == there[name] == list(values)
        else:
            np.testing.assert_allclose(found.astype(float), values, rtol=1e-5, atol=1e-7)
            numbers = np.array(there[name], float)
            np.testing.assert_allclose(numbers, values, rtol=1e-5, atol=1e-7)
