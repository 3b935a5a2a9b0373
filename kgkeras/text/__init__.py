"""Words, tokens, entity links and encoders: the only door to KerasHub and TF Text."""

from kgkeras.text.adapted_encoder import AdaptedEncoder, KAdapterEncoder
from kgkeras.text.cached_encoder import CachedEncoder
from kgkeras.text.linker import DictionaryLinker, Mentions
from kgkeras.text.lstm_encoder import LSTMEncoder
from kgkeras.text.masked_lm_head import masked_lm_head
from kgkeras.text.preprocessor import Preprocessor
from kgkeras.text.preprocessor_storage import load_preprocessor, save_preprocessor
from kgkeras.text.pretrained import PretrainedEncoder, load_encoder
from kgkeras.text.string_list import StringList
from kgkeras.text.string_table import StringTable
from kgkeras.text.tag_decoding import best_tags
from kgkeras.text.transformer_encoder import TransformerEncoder
from kgkeras.text.transformer_layer import transformer_layer
from kgkeras.text.tree_encoder import TreeEncoder
from kgkeras.text.verbalized_triples import VerbalizedTriples
from kgkeras.text.word_piece_tokenizer import WordPieceTokenizer
from kgkeras.text.word_piece_training import train_word_pieces
from kgkeras.text.word_tokenizer import WordTokenizer
from kgkeras.text.words import Words, normalise, split_words

__all__ = [
    "AdaptedEncoder",
    "CachedEncoder",
    "DictionaryLinker",
    "KAdapterEncoder",
    "LSTMEncoder",
    "Mentions",
    "Preprocessor",
    "PretrainedEncoder",
    "StringList",
    "StringTable",
    "TransformerEncoder",
    "TreeEncoder",
    "VerbalizedTriples",
    "WordPieceTokenizer",
    "WordTokenizer",
    "Words",
    "best_tags",
    "load_encoder",
    "load_preprocessor",
    "masked_lm_head",
    "normalise",
    "save_preprocessor",
    "split_words",
    "train_word_pieces",
    "transformer_layer",
]
