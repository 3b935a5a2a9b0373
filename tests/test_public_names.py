"""The public surface: a rename shows in review, and every name has a docstring."""

import importlib
import inspect

import pytest

import kgkeras

PUBLIC = {
    "agents": "ActorCritic Beam FactReader FactTokens GraphEnvironment KnowledgeWriter LSTMHistory "
    "Learner MarginalLikelihood PathReasoner QLearning Questions Reinforce RelationQueries "
    "SelfCritical TransformerHistory Walk WalkGame WalkPolicy",
    "datasets": "ChoiceQuestions ChoiceTask InductiveSplits LabelledTexts Question TaggedTexts "
    "TaggingTask TextTask VerbalisedFacts load load_choices load_inductive load_negatives "
    "load_questions load_tagged load_texts load_verbalised names",
    "evaluation": "Calibration Cloze Ranker RankingCallback Ranks Reliability SideRanks "
    "TripleClassification TrueTriples bootstrap_interval classify_triples cloze false_triples "
    "likely_facts plot_calibration plot_categories plot_histories plot_relations plot_walks "
    "plot_word_weights rank relation_f1 reliability score_triples span_counts span_f1 span_figures "
    "word_weights write_report",
    "export": "AlignedVectors Endpoint ExportError Problem ServedModel Vectors check_saved_model "
    "export_choice_matcher export_graph_text_model export_joint_model export_knowledge_classifier "
    "export_knowledge_writer export_link_predictor export_masked_lm export_model "
    "export_multitask_model export_path_reasoner export_question_answerer export_text_index "
    "export_token_tagger read_vectors refuse run_warmup usage vectors_for write_models_config "
    "write_saved_model write_vectors write_warmup",
    "graph": "CompGraphConv FactCounts FactEdges FactIndex GraphConv GraphEncoder "
    "NeighbourhoodPooling PathConv PathEncoder Reached RelationWalk RelationalGraphAttention "
    "RelationalGraphConv SupposedFacts check_graph from_knowledge_graph from_tensors graph_schema "
    "parse_examples tensorflow_gnn to_example to_knowledge_graph to_tensors",
    "layers": "Adapter AnswerHead AttentionFusion ChoiceRows ClassHead ClassificationHead "
    "ConcatFusion CrossStitchSharing DescribedTriples DynamicWeightAverage EntityEmbedding "
    "EntityQuery ExpertSharing FixedWeights FusedEntityEmbedding Fusion GatedFusion GradNorm "
    "HardSharing HiddenTokenHead HopAttention HopReader InteractionFusion MarkedEntities "
    "MeanPooling MentionIds NodeRelevance PCGrad PairReader ProgressiveSharing RelationEmbedding "
    "RowChoices SoftSharing SumFusion TaskHead TaskSharing TaskWeighing TextNode TokenPooling "
    "TransformerAdapter TripleEmbedding TripleHead TripleReader UncertaintyWeights",
    "losses": "AnswerLoss BinaryCrossEntropyLoss CrossEntropyLoss DistillationLoss HiddenTokenLoss "
    "MarginRankingLoss NegativeSamplingLoss SoftplusLoss",
    "metrics": "AnswerAccuracy HiddenTokenAccuracy HitsAt MeanRank MeanReciprocalRank SpanF1",
    "models": "Answer ChoiceMatcher EnsemblePredictor EntityTyper FusedEncoder FusedLinkPredictor "
    "GraphTextModel JointModel KnowledgeClassifier KnowledgeDistillation KnowledgeMaskedLM "
    "LinkPredictor MultiTaskModel PathPredictor QuestionAnswerer RelationClassifier TextIndex "
    "TextLinkPredictor TokenTagger Vocabulary",
    "ops": "compiled first_mentions first_replica fused lookup num_replicas places_of "
    "ranks_from_scores tag_spans",
    "optimizers": "LazyAdam MultiRateAdam SparseAdagrad",
    "pipelines": "KnownTriples Masking SubgraphSampler TaskSubgraph TripleTexts "
    "annealed_task_rates encode_subgraph encode_tagged graph_task_batches mixed_batches "
    "task_batches task_rates encode_choices encode_pairs encode_texts encode_words entity_graphs "
    "fact_questions "
    "graph_text_batches join_sentences joint_batches masked_text_batches one_vs_all_batches "
    "parse_subgraphs query_batches query_steps sampled_batches steps_per_epoch subgraph_batches "
    "tags_of_words text_batches text_triple_batches triple_steps",
    "regularizers": "DURA L2 N3 Regularizer",
    "scorers": "BilinearScorer CP ComplEx ConvE DistMult MuRE PairRE QuatE RESCAL RotatE Scorer "
    "SimplE TransE TransH TuckER",
    "serving": "Classification Client Code ModelMetadata Prediction Regression SignatureSpec State "
    "StatusError TensorSpec VersionStatus serve",
    "text": "AdaptedEncoder CachedEncoder DictionaryLinker KAdapterEncoder LSTMEncoder Mentions "
    "Preprocessor PretrainedEncoder StringList StringTable TransformerEncoder TreeEncoder "
    "VerbalizedTriples WordPieceTokenizer WordTokenizer Words best_tags load_encoder "
    "load_preprocessor masked_lm_head normalise save_preprocessor split_words train_word_pieces "
    "transformer_layer",
    "training": "CombinedFigure Resume TrainingRun make_strategy parse_config refuse_settings "
    "set_seed setting write_json",
}


@pytest.mark.parametrize("room", sorted(PUBLIC))
def test_names(room):
    assert sorted(importlib.import_module(f"kgkeras.{room}").__all__) == sorted(
        PUBLIC[room].split()
    )


@pytest.mark.parametrize("room", [name for name in kgkeras.__all__ if not name.startswith("_")])
def test_every_public_name_has_a_docstring(room):
    module = importlib.import_module(f"kgkeras.{room}")
    assert module.__doc__
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert inspect.getdoc(thing), f"{room}.{name}"
