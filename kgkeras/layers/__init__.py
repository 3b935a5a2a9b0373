"""Layers: lookups of entities and relations, fusion with text, pooling, reading of triples."""

from kgkeras.layers.adapter import Adapter
from kgkeras.layers.attention_fusion import AttentionFusion
from kgkeras.layers.choices import ChoiceRows, RowChoices
from kgkeras.layers.classification_head import ClassificationHead
from kgkeras.layers.concat_fusion import ConcatFusion
from kgkeras.layers.described_triples import DescribedTriples
from kgkeras.layers.embeddings import EntityEmbedding, RelationEmbedding
from kgkeras.layers.entity_query import EntityQuery
from kgkeras.layers.fused_entities import FusedEntityEmbedding
from kgkeras.layers.fusion import Fusion
from kgkeras.layers.gated_fusion import GatedFusion
from kgkeras.layers.heads.answer_head import AnswerHead
from kgkeras.layers.heads.class_head import ClassHead
from kgkeras.layers.heads.hidden_token_head import HiddenTokenHead
from kgkeras.layers.heads.task_head import TaskHead
from kgkeras.layers.heads.triple_head import TripleHead
from kgkeras.layers.hop_attention import HopAttention
from kgkeras.layers.hop_reader import HopReader
from kgkeras.layers.interaction_fusion import InteractionFusion
from kgkeras.layers.marked_entities import MarkedEntities
from kgkeras.layers.mean_pooling import MeanPooling
from kgkeras.layers.mention_ids import MentionIds
from kgkeras.layers.node_relevance import NodeRelevance
from kgkeras.layers.pair_reader import PairReader
from kgkeras.layers.sharing.cross_stitch import CrossStitchSharing
from kgkeras.layers.sharing.expert_sharing import ExpertSharing
from kgkeras.layers.sharing.hard_sharing import HardSharing
from kgkeras.layers.sharing.progressive_sharing import ProgressiveSharing
from kgkeras.layers.sharing.soft_sharing import SoftSharing
from kgkeras.layers.sharing.task_sharing import TaskSharing
from kgkeras.layers.sum_fusion import SumFusion
from kgkeras.layers.text_node import TextNode
from kgkeras.layers.token_pooling import TokenPooling
from kgkeras.layers.transformer_adapter import TransformerAdapter
from kgkeras.layers.triple_embedding import TripleEmbedding
from kgkeras.layers.triple_reader import TripleReader
from kgkeras.layers.weighing.dynamic_weight_average import DynamicWeightAverage
from kgkeras.layers.weighing.fixed_weights import FixedWeights
from kgkeras.layers.weighing.grad_norm import GradNorm
from kgkeras.layers.weighing.pcgrad import PCGrad
from kgkeras.layers.weighing.task_weighing import TaskWeighing
from kgkeras.layers.weighing.uncertainty_weights import UncertaintyWeights

__all__ = [
    "Adapter",
    "AnswerHead",
    "AttentionFusion",
    "ChoiceRows",
    "ClassHead",
    "ClassificationHead",
    "ConcatFusion",
    "CrossStitchSharing",
    "DescribedTriples",
    "DynamicWeightAverage",
    "EntityEmbedding",
    "EntityQuery",
    "ExpertSharing",
    "FixedWeights",
    "FusedEntityEmbedding",
    "Fusion",
    "GatedFusion",
    "GradNorm",
    "HardSharing",
    "HiddenTokenHead",
    "HopAttention",
    "HopReader",
    "InteractionFusion",
    "MarkedEntities",
    "MeanPooling",
    "MentionIds",
    "NodeRelevance",
    "PCGrad",
    "PairReader",
    "ProgressiveSharing",
    "RelationEmbedding",
    "RowChoices",
    "SoftSharing",
    "SumFusion",
    "TaskHead",
    "TaskSharing",
    "TaskWeighing",
    "TextNode",
    "TokenPooling",
    "TransformerAdapter",
    "TripleEmbedding",
    "TripleHead",
    "TripleReader",
    "UncertaintyWeights",
]
