"""Static checks of a SavedModel's graph and functions: operations that the server cannot run."""

import tensorflow as tf

from kgkeras.export.problem import Problem

_PYTHON_OPS = frozenset({"EagerPyFunc", "NumpyFunction", "PyFunc", "PyFuncStateless"})

# Beside TensorFlow's own operations the server links those of TF Text. They are listed rather than
# looked up: what is registered here says nothing about the server.
_TEXT_OPS = frozenset(
    """
    CaseFoldUTF8 ConstrainedSequence FastBertNormalize FastWordpieceTokenizeWithOffsets
    FindSourceOffsets MaxSpanningTree NormalizeUTF8 NormalizeUTF8WithOffsetsMap PhraseTokenize
    RegexSplitWithOffsets RougeL SentenceFragments SentenceFragmentsV2 SentencepieceDetokenizeOp
    SentencepieceIdToStringOp SentencepieceOp SentencepieceStringToIdOp SentencepieceTokenizeOp
    SentencepieceTokenizeWithOffsetsOp SentencepieceVocabSizeOp SplitMergeTokenizeWithOffsets
    TFText>BoiseTagsToOffsets TFText>ByteSplitByOffsets TFText>ByteSplitWithOffsets
    TFText>FastSentencepieceDetokenize TFText>FastSentencepieceTokenize
    TFText>FastWordpieceDetokenize TFText>NgramsStringJoin TFText>OffsetsToBoiseTags
    TFText>PhraseDetokenize TFText>RoundRobinGenerateMasks TFText>RoundRobinTrim
    TFText>Utf8Binarize TFText>WhitespaceTokenizeWithOffsetsV2 TokenizerFromLogits
    UnicodeScriptTokenizeWithOffsets WhitespaceTokenizeWithOffsets WordpieceTokenizeWithOffsets
    """.split()
)

# The graph must stay below 2 GiB, is parsed at each load and held twice meanwhile.
_LARGE_CONSTANT = 4 * 2**20


def check_graph(meta_graph):
    """Returns the problems of the graph and the function library in `meta_graph`.

    Each unknown operation, compiled function and large constant is reported once, at its first
    place.

    Args:
        meta_graph: A `MetaGraphDef`, as `read_meta_graph` returns it.

    Returns:
        A list of `Problem`s.
    """
    functions = {function.signature.name for function in meta_graph.graph_def.library.function}
    problems = {}
    for place, node in _nodes(meta_graph.graph_def):
        where = f"operation {node.op} (node {node.name!r}, {place})"
        fault = _operation_fault(node.op, functions)
        if fault:
            problems.setdefault(node.op, Problem(where, fault))
        if node.op == "Const":
            size = node.attr["value"].tensor.ByteSize()
            if size > _LARGE_CONSTANT:
                problems[place, node.name] = _large_constant(where, size)
    for name in sorted(_compiled(meta_graph.graph_def)):
        what = (
            "it must be compiled by XLA, which TensorFlow Serving leaves off by default. Export it "
            "without jit_compile=True (`compile(jit_compile=True)` on a model does no harm)."
        )
        problems["function", name] = Problem(f"function {name!r}", what)
    return list(problems.values())


def _nodes(graph_def):
    for node in graph_def.node:
        yield "in the main graph", node
    for function in graph_def.library.function:
        for node in function.node_def:
            yield f"in function {function.signature.name!r}", node


def _operation_fault(op, functions):
    if op in _PYTHON_OPS:
        return "it calls Python, and the server has none. Write it with TensorFlow operations."
    if op in functions or op in _TEXT_OPS or hasattr(tf.raw_ops, op):
        return None
    return (
        "the server has no such operation: it is neither TensorFlow's own nor TF Text's. Replace "
        "it by operations that are."
    )


def _large_constant(where, size):
    what = (
        f"a constant of {size / 2**20:.1f} MiB inside the graph, which must stay below 2 GiB. Keep "
        "weights in variables and vocabularies in files."
    )
    return Problem(where, what, fatal=False)


def _compiled(graph_def):
    """Returns the names of the functions that some call in the graph wants compiled."""
    return {
        node.attr["f"].func.name
        for _, node in _nodes(graph_def)
        if "_XlaMustCompile" in node.attr and node.attr["_XlaMustCompile"].b
    }
