"""Geography of the sovereign states of the world: a small graph of true facts, and statements.

The graph holds 197 states (the 193 members of the United Nations, Vatican City, Palestine, Kosovo
and Taiwan) and their capitals, cities, borders, languages, currencies, memberships, rivers, lakes,
mountains, islands, national parks and landmarks, as of 1 January 2026. `load` gives the graph,
`load_texts` true and false sentences about it, `load_questions` questions.

Where the facts come from: the tables in this folder were written for kgkeras, from general
knowledge, and are under its licence. No other database was copied; names of states, languages and
currencies were compared with the ISO standards, capitals, borders and cities with public tables,
and every disagreement was decided one by one.

How doubtful cases are treated:

- What is not listed is not denied: the lists of cities, rivers and so on are selections.
- The capital is the one that the state's law names, also where the government sits elsewhere
  (Bolivia: Sucre, Sri Lanka: Sri Jayawardenepura Kotte); South Africa's is the executive one,
  Pretoria. No capital is given where it is disputed, moving, or not named (Israel, Palestine,
  Equatorial Guinea, Indonesia, Nauru), nor for the city-states Monaco, Singapore and Vatican City,
  which are one entity each. `city_in` lists cities other than the capital.
- Continents and subregions follow the United Nations' M49 standard, with the Americas told apart:
  Russia is in Europe, Turkey and Cyprus are in Asia. Kosovo and Taiwan, which M49 does not list,
  are placed with their neighbours.
- Borders include those of overseas parts (France and Brazil). A language or currency in official
  use counts as official where no law names one.
- A river flows through a state also where it only forms its border. National parks and islands
  belong to the state that governs them. Places under dispute are left out.
- Names and aliases are unique: a city or river named like a state carries a longer name
  ("Luxembourg City", "Niger River"), so that a name alone always means the state.
"""

from kgkeras.datasets.geography.facts import load
from kgkeras.datasets.geography.questions import load_questions
from kgkeras.datasets.geography.statements import load_texts
from kgkeras.datasets.geography.verbalised import load_verbalised

__all__ = ["load", "load_questions", "load_texts", "load_verbalised"]
