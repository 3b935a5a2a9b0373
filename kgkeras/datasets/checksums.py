"""SHA-256 of the benchmarks' files, after CRLF became LF, by folder and file.

Files that are not here are pinned by the commit in their address alone.
"""

SHA256 = {
    "FB15k-237": {
        "train.txt": "61099230e4439f90885ca9767739e31e8e32f54736fa1c35952b27997bc7c08a",
        "valid.txt": "749cbe9d923bac7b9354da5614ecfed2e0220256d442c3e04a6b303db1f273d9",
        "test.txt": "e2e35e8e6113de220140b6f44dc71a5207b0fc6872d575e874aefe13259b655b",
        "entity2text.txt": "16beedcfad3d32696e8b0b98cfa0f5eeb144f5142225f227a64fd9ce37447da5",
        "entity2text_desc.txt": "d982bb5b950820dabc00aee9870cae2035d48c169d10c9f2c225579e19528aa2",
        "entity2wikidata.json": "80e74bb002fb9ca0ecd3d63879a3a51121db855d312a101917a1ffb6aed2fea9",
        "relation2text.txt": "4bf7cb6ea0ac09b17ad210889f723be5e079669f6ae5d507787e1320bbaa0f72",
    },
    "WN18RR": {
        "train.txt": "038612e783c215ee5f3ca9fbfca27b8d0739be1028fe4ee7c174aecf0b83d5df",
        "valid.txt": "453ce7202afa58094a04d2b1560ee2b02660f1c260b32ce6651c8ccedd1028ab",
        "test.txt": "0383bceaaa1096cf3c03ec021ed0048068e2355dbfc0239b292cefdac821cec5",
        "entity2text.txt": "8f5c6f11753dafa879917b9bdf73d398ceb3bd4bed8d5553177e1e0f2c37521f",
        "relation2text.txt": "91b1de5585d686ed31498d50f1c4eed44ba9486dffbbcc0c28927ac884184918",
    },
    "UMLS": {
        "train.txt": "873ef4925516b83e7f6f8cc02b4be51d848828710a7f65a956f0ac4a9e452f35",
        "valid.txt": "025c98f8a4891e2a6582ec5b40ee0d904031edad9c52554522f4b7904820c98e",
        "test.txt": "a7eb529a3d2810fcc96341ccc97c625a5e202f8389673aa6bd317eeebbb79014",
        "entity2text.txt": "c6438aafd894917cefe73ea75fc20743d18f4226ebc85a2f43758ff3f77330b9",
        "entity2textlong.txt": "cb4eccdebf5bfc73adc2db0fc582d215256aa11d789d3a16a6c0649f338f5fe3",
        "relation2text.txt": "f5c5eddf696c52fc3c435ac031a4a0b06e00cc09116613db6a835d02d610123c",
    },
    "kinship": {
        "train.txt": "738612111a6acf0e39662bde24c7e72a4d1edf20931beea077da367dda689731",
        "valid.txt": "c56f8630a583178b1e569f11a64aa535ae1ce0b0912d8b1e24716be2b37f04da",
        "test.txt": "05e5733265761d55be9c05bfaff5a8d0808df46f9c1e9d66cc3f2fe114e43d88",
    },
    "nations": {
        "train.txt": "0830fa9da8e5bba2ccdaa45b7bdc9130451ba66b09ff2708f35fccaf82473e57",
        "valid.txt": "2b337a62e51a2f45c283eac98a70d21b7e0e102136be1539b2a52c652a7b0530",
        "test.txt": "3971085165b47b6aeaec68058c6d8d98b3005e929db81268410b95ae4db770ab",
    },
    "countries/countries_S1": {
        "train.txt": "5256bf3fc4181d7e87d819571e3acfa5425fc5af365b9ebe5c113740534ca561",
        "valid.txt": "f4b27648148a44f87e627140ec3a02ca4c884c32d348591147ca72f1d6fff5b0",
        "test.txt": "262ca5ae5ed3aa1927026e0f258cc52b10830185b93465b93b9360727e719158",
    },
    "countries/countries_S2": {
        "train.txt": "84c8f310fa076f902760f0909716b13bc0853a105ab9e0145e4e5135d855f68a",
        "valid.txt": "f4b27648148a44f87e627140ec3a02ca4c884c32d348591147ca72f1d6fff5b0",
        "test.txt": "262ca5ae5ed3aa1927026e0f258cc52b10830185b93465b93b9360727e719158",
    },
    "countries/countries_S3": {
        "train.txt": "80a8e3a26aff58b78fd5a453ec2a37591466bad621df8d05185f26763b663a0c",
        "valid.txt": "f4b27648148a44f87e627140ec3a02ca4c884c32d348591147ca72f1d6fff5b0",
        "test.txt": "262ca5ae5ed3aa1927026e0f258cc52b10830185b93465b93b9360727e719158",
    },
    "codex/codex-s": {
        "train.txt": "64f93b7f314f3936a6f65739721429db3f6a7c8f5a1e1104ec3bb544f7434f59",
        "valid.txt": "3831c0e57daef03c3a18cdd1a72e370b496f696c5218883d35c7d2ab8a6a772c",
        "test.txt": "27127fcb34688c4778e88a39ef3c9b540807da846021e9d9685660ac1838aca1",
        "valid_negatives.txt": "c1d84860d6ee786419f1f118d0e9479c6614283b3e267afc158734389036901f",
        "test_negatives.txt": "d3fb32c41f3be26d09484ace571965806f1ade0ca712551b0de684c283cdbb22",
    },
    "codex": {
        "relations.en.json": "2b467fab26430a0500e5fe82cdb9b3c4fbcfda01827ff3bfa833dc5470ad92f7",
        "types.en.json": "2934c3bac72fd9e7dc8a6452a84845e8fa232264aaa505c4b81cad2b0e7c5626",
        "entity2types.json": "9c3797961498fc312a6d62c798b250c3ad501578a8ac07c0829a2862c627a878",
    },
    "inductive_grail/fb237_v1": {
        "train.txt": "74ef3120fe38a22e5131064d23108b88a8d339496057fa8467d80dcda8f1cec1",
        "valid.txt": "d4c2698d7dc36c0dc39ffb3d810caeafe530d779bf9f6451fac2027f41c2ff6d",
        "test.txt": "130534f98bc3b9621bc866035098b132091e8bc749fbad327b5978f3d47f49f7",
    },
    "inductive_grail/fb237_v1_ind": {
        "train.txt": "049829f7047ecf0e0bff0769efca31bc7f811f760c4ffcb20a5680f789b00c61",
        "valid.txt": "ac817123c4177ef46b08a3802380a355282b99d4283c43474c9dd91c082107dd",
        "test.txt": "c79d39372be30a3864cfe5094b3022f38b57d88c351dbbfa2d9e7f3368ac23aa",
    },
    "inductive_grail/fb237_v2": {
        "train.txt": "542f81af46d6727979278643105ba7c236dd8b29ee5d9962e3c3fa295ab8869c",
        "valid.txt": "59e07dcb883b28bb35585ba95576e4ebb2a71ddbc906119abcc4c87b28198d0c",
        "test.txt": "95da050e60b94f285cdf18ea7899b34df9e0a4a1d638f5ec6ff99caef36a2beb",
    },
    "inductive_grail/fb237_v2_ind": {
        "train.txt": "6756f8d4aa688bc1a18c1106117a7fde94e0469f223f5d00954846afce471e54",
        "valid.txt": "2c3b4430cac899b868c9dd22ece0eae830ca62c8a6c0bf8610c670bbeaf7d6d8",
        "test.txt": "17c16e008cb6dfdc67ef0f375aab0a8fee2b087c7d687a72f5217b789d0c4a10",
    },
    "inductive_grail/fb237_v3": {
        "train.txt": "0f27b7f00d3e34964450c22445d17f7612d12d7c382caa3317f45bfe7465f299",
        "valid.txt": "8b034e73fe64af9c7baf1e12704a94e7e9a9e6b9242feb498c69ebd65bccf269",
        "test.txt": "f93ff5277296486e2ce5d035e46b81b24b89e55a7a8e41196636482aeb50a49b",
    },
    "inductive_grail/fb237_v3_ind": {
        "train.txt": "2805f9237816f5bb5bb1ff1fbc3d37cc0beb99047bef3a6bd82cc1f6947e8525",
        "valid.txt": "76f7691aa597d43d704af047d01a5f4d266c02733c52a5c340c2bea4a85dd281",
        "test.txt": "7dbd4d74210ffd5029d95327639f83c3b46f8bd4ee3571e619812b367d0880da",
    },
    "inductive_grail/fb237_v4": {
        "train.txt": "b9fa0f2650a1ab7687e21e0aec24bb51c0b0eacf0d88c8780c03c9b201b9148d",
        "valid.txt": "d99dedcd13bc0cd338a299a895685b66f15e0b7ed42477d40f1ad1a65ce6d483",
        "test.txt": "f1ecc866636b2704bd6f7cae53d2bbeea414fa88c1f2b4ab9f1924719bd505c8",
    },
    "inductive_grail/fb237_v4_ind": {
        "train.txt": "ef55c03e05d5eeeec97fe2030e92bc36bd5ee9311b770ae0a3fd812982686e8d",
        "valid.txt": "0a237c20719267449388e1d43995ccf67da5a3c82085ba5d2e3996c77dc73921",
        "test.txt": "8e6e19adb9b154348897bf896b5305a76126bc4d79a21705ea47e4efce2d84f3",
    },
    "inductive_grail/WN18RR_v1": {
        "train.txt": "4cc72d4fdcc8206e208e1f59f3c778be5de4a68cfe76776d15245b0d2c08d396",
        "valid.txt": "5cebd29da8ada35ac73b6875329884cdf83943ddea454e9f70cc43b423ea479b",
        "test.txt": "f1cb44e999e2540a0a614f4bb710c7f82a9304432ff37ce282749b56c66d0d20",
    },
    "inductive_grail/WN18RR_v1_ind": {
        "train.txt": "7d1b73c5994e9aa816b34e33ee10707656803ba6b8a0f6066cae7ddc04f87553",
        "valid.txt": "cfa28b9d75dbab17ea82a9443a5bf8acb738e60267cc63f8a221b38967e1d238",
        "test.txt": "6df8c00a2e0cf1a4b484ac638c081198926fcbc411ce2e12ccc79d432eead269",
    },
    "inductive_grail/WN18RR_v2": {
        "train.txt": "a14a902df92e32f4aeb65761560072a007ae915308bb8a7a03c58dc1e9c2a9ad",
        "valid.txt": "2d3f6703d87fe1605f636736f0e848d9750b8e1593bd41101554ecbb41a1d836",
        "test.txt": "04e03f270adf4970132ad51ab1a4022e46e790e9b662890ce4e13d31e6d096ad",
    },
    "inductive_grail/WN18RR_v2_ind": {
        "train.txt": "8dc9bb459e6306737a083b15698ed1420ce8dc57e27f8a42ab7b90c26dfc5154",
        "valid.txt": "fc32db7cb56dba0ff05bf57efd8a2279f0825dc6ae763c9d32281a9a1373c09a",
        "test.txt": "3b3942ce7665f1a6667721f5eab946bde79a5929f1996c5af16e0b092a5084bb",
    },
    "inductive_grail/WN18RR_v3": {
        "train.txt": "324a2b04b621bfe8d2dd98ad1c585fbc7efefb1548e92b5d10afc08733286aa7",
        "valid.txt": "7f008df4879d36ef70a5c5eb58a7c87488c3f1fea606ab484e66a1aff89b0cbc",
        "test.txt": "df6690cc2a454c14f79a62e879ba6d688bd666f2cf6168e1d6abffd7a7efc598",
    },
    "inductive_grail/WN18RR_v3_ind": {
        "train.txt": "85b817c364d097793a4b0969fa49d20167345256bf812c978bff381ad3aef492",
        "valid.txt": "c0876dafce4cef4c6ef1aa53457fb9f4e40a31a8bf9edbaf05389bfe5ba26f43",
        "test.txt": "efad21a11c1cf26a1a4a5fcf7a64c585ccde3c4f8f71de3a00a995d9e8c9938d",
    },
    "inductive_grail/WN18RR_v4": {
        "train.txt": "5eace2cdfdffb2b19c6d27c7527ae79b8f4b1b3fb712d9a5049243a13edb95ca",
        "valid.txt": "ca1568ca934bbf5ccfeabb3a67010968433c0e5bc1df9b0d3d48279023abd7bd",
        "test.txt": "7d4f3226400ea477a5559aa69034df73f0cd314c1a1916963ac000b2cac44e82",
    },
    "inductive_grail/WN18RR_v4_ind": {
        "train.txt": "d5608132dab5873666e249c1de9412608c0e0b2cc0d154b0ffceff1ce067cc03",
        "valid.txt": "0928c5cb528ebde49a3be13f3df4d863f95312c247854bea556c65008cc5b54c",
        "test.txt": "10ccff353175e6eaaff0b3d7ef7931115845868653ddba0ba6fb5c8dfdab6364",
    },
    "SemEval2010-Task8/original/SemEval2010_task8_training": {
        "TRAIN_FILE.TXT": "73cd76bf45c17257d9dba882655917109a863ccd42ad69ee6a34083a61202b51",
    },
    "SemEval2010-Task8/original/SemEval2010_task8_testing_keys": {
        "TEST_FILE_FULL.TXT": "066b269d0bebbefaba2f347671b373d45fdecad9191513417572a07bc61b9566",
    },
    "MetaQA/1-hop": {
        "qa_dev.txt": "3c68fa73a14d9b9616e49f08e2d8b65e024af417708306874fe4d398634620d3",
        "qa_test.txt": "c57e9c2c4c05e5eec4503460042c09bfa3e80ea1a5ecaf361c92dd81d6c7bece",
    },
    "MetaQA/2-hop": {
        "qa_dev.txt": "a713ae6b4a7cdccfdda57ac99092f4114a1f8b0c4ba51b4466a15496a4ff6fbd",
        "qa_test.txt": "b1c4f1ad77f34a27e0e5a13c08b436c6f4c9a49dccd8d43639a569ee5cd906a1",
    },
    "MetaQA/3-hop": {
        "qa_dev.txt": "c638b99f97db93112f7a9ceec47675066cc9efc93b7ecd43e22c54ab531741d9",
        "qa_test.txt": "f4c2a801f864e80e809655a20b4b8c9904f4a2885a7f23850b2fabd8d38a6540",
    },
    "conceptnet/cn-100k": {
        "train.txt": "8fd8b132482fa17837e74084c6d3e0c88c828999990cffe1cf036013de906c16",
        "valid.txt": "109a14c6e165cc523255afa551890f8ea9f809b04c431098e550fa0a82b05ff5",
        "test.txt": "78a042e181118c46f678253cf1243ae190fd2a3511b01671a8b9bc049194bb67",
    },
    "CommonsenseQA": {
        "train_rand_split.jsonl": "58ffa3c8472410e24b8c43f423d89c8a003d8284698a6ed7874355dedd09a2fb",
        "dev_rand_split.jsonl": "3210497fdaae614ac085d9eb873dd7f4d49b6f965a93adadc803e1229fd8a02a",
        "inhouse_split_qids.txt": "bc24a08c60927c72510e2f046929178b6baf9f9b26b3ac103b63bcff8f4d1d6b",
    },
    "WNUT17": {
        "wnut17train.conll": "731820e13f71af324c6b55a1575ec2ce59fbaa2a0806f8f0400b98d56cd6a7a5",
        "emerging.dev.conll": "e053b752b8155113ca66e7db08af5f2f5f43ab993694e4774f1ec5bad42312d8",
        "emerging.test.conll": "d28fad9efb7a676ee95b939804aba92f60fa87ff33eebcdf46f60f26c65d0d93",
    },
    "CoNLL04": {
        "train.txt": "0f560fdaa150133fc4843f72e2a8e707e7f74f06a3a3095d4b9921f8d0ce3614",
        "dev.txt": "99e854fd2a7d19247230c3ed8c304f79022380c9d21b58f25e7ffc5fe3884e2d",
        "test.txt": "d172819deff771c059c9c6688d67c3ff2bdaa25cf71ec56b1f7e8c6705f96700",
    },
}
