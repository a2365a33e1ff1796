"""The words that fill the templates of `instructions.py`, with the forms that grammar asks of them.

The first words of most lists are those of the entries that the chapters quote."""

MEN = """Tom Paul Peter David Jack Martin John James George Henry Robert William Charles Edward Frank Walter Arthur Albert Simon
Andrew Mark Luke Philip Stephen Michael Daniel Joseph Adam Oliver Harry Ben Sam Max Leo Felix Oscar Victor Hugo Bruno Carl Otto
Erik Lars Nils Ivan Boris Pablo Carlos Diego Marco Luca Ahmed Omar Ali Karim Ravi Kenji Chen Kofi Jonas Noah Ethan Liam Owen Dylan
Gavin Kevin Brian Neil Howard Norman Ralph Stanley Cecil Edgar Basil Cyril Rupert""".split()
WOMEN = """Anna Maria Sarah Emily Jane Alice Mary Rose Ruth Helen Clara Emma Lucy Julia Laura Nora Ella Grace Lily Ivy Daisy Martha
Agnes Edith Hannah Rachel Rebecca Susan Linda Karen Diana Carol Irene Vera Olga Nina Tanya Sofia Elena Lucia Carmen Rosa Paula Marta
Ingrid Astrid Greta Heidi Fatima Leila Amina Yasmin Priya Mei Yuki Aiko Zoe Chloe Megan Fiona Bridget Sheila Maureen Doris Hilda
Mabel Winifred Beatrice Charlotte Victoria Isabel Sophie Amelia Eleanor Margaret Frances""".split()
# Those of the entries that the chapters quote.
KNOWN_NAMES = "Tom Paul Peter David Jack Martin Anna Maria Sarah Emily Jane Alice".split()
KNOWN_WORK = "painter farmer baker driver sailor nurse teacher doctor pilot lawyer".split()
KNOWN_NOUNS = "apple bottle bread bridge chair cloud coat garden horse island lamp paper river stone table window".split()

WORK = KNOWN_WORK + """gardener miller cook soldier butcher tailor fisherman hunter singer dancer writer student shepherd
carpenter captain judge clerk priest mayor guard barber plumber porter cleaner dentist farmhand weaver potter builder librarian
musician actor artist engineer waiter grocer shopkeeper postman""".split()
FAMILY = ["my brother", "my sister", "my uncle", "my aunt", "my mother", "my father", "my cousin", "my friend", "our neighbor",
          "our guest", "his son", "her daughter", "the boy", "the girl", "the old man", "the king", "the queen", "the child"]
CITIES = """London Paris Rome Berlin Madrid Vienna Oslo Athens Prague Dublin Lisbon Warsaw Geneva Zurich Munich Milan Naples Boston
Chicago Toronto Sydney Cairo Delhi Tokyo Moscow Kiev Budapest Brussels Bergen Helsinki Stockholm Edinburgh Bristol York Leeds Oxford
Florence Venice Lyon Hamburg""".split()

KNOWN_VERBS = 19  # of these, from the first on
# base, third person, past, participle: what it is done to
VERBS = """
paint paints painted painted: fence door boat gate wall chair shelf
build builds built built: wall tower bridge house boat hut shed
repair repairs repaired repaired: bicycle roof clock chair engine fence pump
visit visits visited visited: museum market castle church farm school library
clean cleans cleaned cleaned: table kitchen stable window floor room stairs
cook cooks cooked cooked: soup rice fish eggs beans dinner meat
pack packs packed packed: bag box basket suitcase trunk
carry carries carried carried: ladder bucket basket chair sack child
buy buys bought bought: tickets lamp coat bread hat shoes ring
bring brings brought brought: bread milk ladder letter tools wood tea
find finds found found: coin key map ring book path glove
write writes wrote written: letter poem story song book report list
eat eats ate eaten: apple cake soup bread pear cheese egg
drink drinks drank drunk: tea milk water coffee juice
open opens opened opened: shop window gate door box letter drawer
close closes closed closed: book gate door shop window lid drawer
feed feeds fed fed: horse cat hens dog goats pigs birds
water waters watered watered: flowers roses garden plants trees beans
pull pulls pulled pulled: boat rope cart sled wagon
sell sells sold sold: house horse car boat cow hats apples
wash washes washed washed: car dishes shirt dog cups wool
draw draws drew drawn: map picture house tree face plan
catch catches caught caught: fish ball mouse thief rabbit train
hide hides hid hidden: key letter coin ring gift money
break breaks broke broken: glass plate stick window cup branch
throw throws threw thrown: ball stone stick rope net
lift lifts lifted lifted: box stone lid bucket sack
cut cuts cut cut: bread grass wood rope cake hedge
sweep sweeps swept swept: floor yard stairs path street
bake bakes baked baked: bread cake pie cookies
steal steals stole stolen: coin ring horse purse bread
ride rides rode ridden: horse bicycle donkey camel
borrow borrows borrowed borrowed: book ladder pen cart money
count counts counted counted: coins sheep stars eggs stamps
watch watches watched watched: film birds game ships train
push pushes pushed pushed: cart wheel door bicycle car
make makes made made: soup chair hat basket plan toy
lose loses lost lost: key ring map ticket game glove
choose chooses chose chosen: hat book color name song
fill fills filled filled: bucket bottle glass bag bowl
climb climbs climbed climbed: tree hill tower ladder wall
cross crosses crossed crossed: river street bridge field
plant plants planted planted: tree roses beans seeds
pick picks picked picked: apples pears flowers cherries
mend mends mended mended: shirt net fence shoe coat
burn burns burned burned: wood letter paper leaves
sing sings sang sung: song hymn
tell tells told told: story joke truth
send sends sent sent: letter parcel money gift
see sees saw seen: ship bird star horse moon
hear hears heard heard: bell song music owl
order orders ordered ordered: soup tea books shoes
move moves moved moved: table chair bed piano
drop drops dropped dropped: plate cup key ball
dig digs dug dug: hole well garden
peel peels peeled peeled: potato orange onion apple
lock locks locked locked: door gate box shop
light lights lit lit: lamp fire candle stove
wear wears wore worn: hat coat scarf ring
take takes took taken: bus book umbrella train
sew sews sewed sewn: dress button shirt curtain
print prints printed printed: book card poster
hang hangs hung hung: picture coat lamp
hold holds held held: rope baby candle
read reads read read: book letter poem paper
""".strip().splitlines()
TIMES = ["at noon", "on Sunday", "after lunch", "in the morning", "in the evening", "on Friday", "before dinner", "at night",
         "on Monday", "after school", "in the afternoon", "after dinner", "before noon", "on Tuesday", "at ten", "in the rain"]
KNOWN_TIMES = TIMES[:4]

# an adjective, its opposite: what can be both
OPPOSITES = """
big small: box room garden horse house dog bag
heavy light: box basket bag stone chair
wide narrow: bridge street river road door path
high low: wall bridge hill window tower shelf
thick thin: coat wall book rope ice
long short: road ladder rope bridge letter walk
fast slow: horse train bus boat dog
happy sad: dog child song girl king
clean dirty: cup coat window street room plate
full empty: basket box bottle glass bus bucket
wet dry: road coat grass towel wood
hot cold: soup tea water room milk
strong weak: horse wind rope tea man
bright dark: room lamp street sky
deep shallow: river lake pond bowl
loud quiet: street music bell room
rich poor: farmer king city man
young old: horse man woman dog tree
new old: coat car house lamp
soft hard: bed bread chair pillow
easy difficult: test question game
early late: train bus guest
cheap expensive: hat ticket coat hotel
open closed: door window gate shop
sharp dull: knife axe pencil
sweet sour: apple cherry juice
rough smooth: road wall stone
brave timid: boy soldier dog
tall short: man girl tree
near far: farm town shop
""".strip().splitlines()
SYNONYMS = """
angry cross: teacher man child king
beautiful lovely: dress garden song rose
big large: house garden box dog
brave bold: king boy soldier
calm peaceful: sea lake night
clever smart: dog child girl
correct right: answer number
difficult hard: answer test year
glad happy: child baker girl
ill sick: sailor horse child
quick fast: horse train boy
rich wealthy: farmer king merchant
silent quiet: house street room
strange odd: letter sound story
tiny small: box garden mouse window
weary tired: farmer horse soldier
""".strip().splitlines()
WORD_PAIRS = """begin start|The lessons begin at {h}.|We begin our walk at the {p}.|They begin the game at {h}.
journey trip|The journey took {n} days.|Their journey to {c} was long.|We planned a journey to {c}.
gift present|The {o} was a gift from {N}.|{N} bought a gift for {M}.|It was a gift for {N}.
error mistake|There is an error in the {o}.|{N} found an error in the {o}.|I made an error at {h}.
help assist|We help {N} on {d}.|They help the {w} every day.|I will help {N} at {h}.
hurry rush|They hurry to the {p}.|We hurry home at {h}.|I must hurry to {c}.
reply answer|I will reply on {d}.|They reply to {N} at {h}.|We must reply to the {w}.
road street|The road to the {p} is long.|A cat sat in the road.|{N} lives on this road.
shut close|Please shut the {o}.|They shut the shop at {h}.|We shut the gate at {h}.
stone rock|{N} threw a stone into the river.|The stone fell on the {o}.|He lifted the heavy stone.
choose pick|You may choose a {o}.|They choose a new {w}.|We choose a name for the dog.""".splitlines()

# more, less: people or what can be compared
COMPARATIVES = """
older younger: PEOPLE
taller shorter: PEOPLE
richer poorer: PEOPLE
stronger weaker: PEOPLE
faster slower: PEOPLE
happier sadder: PEOPLE
bigger smaller: box chair house table bag horse window boat barn tree
heavier lighter: box bag chair table basket stone horse barrel
wider narrower: river bridge table road street path wall door
longer shorter: boat bridge table river road rope ladder train
higher lower: wall hill window house bridge tower tree shelf
deeper shallower: lake river pond well bowl sea
louder quieter: bell drum street engine storm
warmer cooler: room kitchen river soup coat
""".strip().splitlines()
WHICH = """taller|tower tree house|flower mouse chair cup
longer|train river road boat|shoe pin pencil spoon
wider|river sea street lake|path shelf plate ribbon
deeper|lake sea ocean river|pond plate puddle bowl
heavier|elephant horse car piano|cat mouse book hat
faster|train car plane horse|snail cow turtle cart
louder|storm drum engine bell|whisper mouse clock kitten
older|grandmother grandfather oak|baby kitten child
more expensive|house car ship piano|pencil book egg spoon
bigger|whale barn ship castle|mouse coin egg bean""".splitlines()

GROUPS = {
    "animal": "cat cow dog horse mouse sheep hen bird rabbit wolf goat pig fox bear duck lion frog donkey",
    "fruit": "apple lemon orange pear plum cherry peach banana grape melon",
    "garment": "coat dress hat shirt jacket scarf glove sock skirt sweater",
    "instrument": "drum guitar piano violin flute trumpet harp cello",
    "plant": "oak rose tree bush tulip fern pine daisy",
    "tool": "axe hammer knife ladder saw rake spade shovel drill file",
    "vehicle": "bus car ship train truck boat bicycle cart wagon van",
}
GROUPS = {group: members.split() for group, members in GROUPS.items()}

PLURALS = """apple apples|stone stones|mouse mice|knife knives|book books|map maps|coat coats|church churches|box boxes|woman women
|window windows|baby babies|tooth teeth|key keys|foot feet|horse horses|child children|cow cows|cup cups|bridge bridges|sheep sheep
|river rivers|city cities|teacher teachers|student students|hen hens|rabbit rabbits|story stories|wolf wolves|man men|dog dogs|cat cats
|chair chairs|clock clocks|farmer farmers|bird birds|boy boys|girl girls|goose geese|leaf leaves|wife wives|loaf loaves|shelf shelves
|brush brushes|bus buses|glass glasses|dish dishes|fox foxes|witch witches|dress dresses|lady ladies|berry berries|party parties
|pony ponies|country countries|day days|toy toys|monkey monkeys|potato potatoes|hero heroes|ship ships|tree trees|house houses
|road roads|lamp lamps|table tables|door doors|spoon spoons|nurse nurses|king kings|ring rings|hat hats|bag bags|garden gardens
|letter letters|flower flowers|song songs|star stars|island islands|village villages|picture pictures|bottle bottles|cloud clouds"""
PLURALS = dict(pair.split() for pair in PLURALS.replace("\n", "").split("|"))
MOVERS = """cat dog horse cow hen rabbit mouse sheep wolf bird boy girl child man woman teacher student farmer goose fox pony baby nurse
king lady""".split()
MOVES = """play plays|run runs|sit sits|sleep sleeps|stand stands|wait waits|walk walks|rest rests|sing sings|eat eats|hide hides
|work works|dance dances|swim swims|jump jumps""".replace("\n", "").split("|")
PLACES = ["behind the house", "by the gate", "in the field", "in the garden", "in the yard", "near the river", "on the hill",
          "under the tree", "in the park", "near the church", "by the lake", "in the barn", "on the bridge", "behind the school",
          "in the kitchen", "by the fire", "at the market", "near the well"]

NOUNS = sorted(set(KNOWN_NOUNS + [noun for noun in PLURALS if noun not in ("foot", "day")] + """anchor arrow basket beach bed bell
bicycle blanket boat branch bread brick broom bucket button candle carpet castle cheese circle coin copper corner curtain desk drawer
engine fence field finger fire forest hammer harbor heart honey jacket jar kettle kitchen ladder lake market mirror moon mountain
needle nest ocean onion oven pencil pepper piano pillow pipe pocket pond pump rain ribbon rope sail salt school shadow shirt shoe sky
snow soap soup station sugar summer sun thread ticket tower train tunnel valley violin wagon wall water wheel whistle wind winter
wool yard""".split()))
OWNED = """book map coin hat cup key letter ticket bag lamp rope ring pen watch ball drum flute knife bottle basket umbrella candle
stamp glove spoon pipe kite whistle mirror""".split()
THINGS = "lamp coat house car box fence cup gate boat door".split() + OWNED + "chair table shirt bicycle wall roof cart scarf bed".split()
GOODS = """bread cheese milk rice salt sugar tea beans nuts pears butter soup fish eggs apples books hats shoes flowers honey meat
coffee flour oil wool plums cakes candles onions carrots""".split()
COLORS = "red blue green white black pink yellow brown gray orange purple".split()
SPOTS = ["under the bed", "on the table", "in the drawer", "on the shelf", "behind the door", "in the kitchen", "next to the lamp",
         "in the blue box", "on the chair", "in the garden", "under the stairs", "near the window", "in the bag", "on the roof",
         "behind the clock", "in the cellar", "on the bench", "by the fire", "under the tree", "in the hall"]
GOALS = """park museum castle church school station library market harbor beach theater bakery farm lake bank hospital shop bridge zoo
cinema""".split()
HOLDERS = "box basket drawer bucket bag jar bowl sack trunk".split()
COUNTED = "coins cards nuts pears keys stamps apples eggs books cups pens balls plums stones shells buttons spoons hats".split()

REVIEWED = {
    "room": "hotel room kitchen bed shop museum garden bus train apartment restaurant cabin bathroom office",
    "food": "bread cake coffee fish soup tea pizza rice salad meal breakfast",
    "person": "waiter cook driver service guide clerk host barber",
    "show": "film concert music play book story show game",
    "thing": "lamp chair shirt radio phone umbrella table jacket",
}
GOOD = {"room": "bright clean comfortable lovely quiet warm cheap excellent cozy tidy", "food": "delicious fresh excellent tasty lovely warm",
        "person": "friendly kind quick excellent polite helpful", "show": "lovely excellent exciting funny beautiful wonderful",
        "thing": "cheap lovely excellent comfortable useful sturdy"}
BAD = {"room": "awful cold dark dirty expensive noisy slow ugly", "food": "awful cold salty stale expensive bitter",
       "person": "rude slow awful noisy lazy unfriendly", "show": "boring awful expensive dull terrible",
       "thing": "broken awful expensive dirty useless ugly"}
VOWELS = "actor apple eagle egg engine island onion orange oven umbrella artist axe owl elephant arrow anchor uncle aunt ox ant".split()
CONSONANTS = "book hat key map ticket lamp coat dog horse cup boat letter pen ring ladder basket spoon candle bell brush".split()
FEELINGS = "hungry tired cold busy happy ready sad late ill angry thirsty sleepy bored glad warm proud afraid lost lonely well".split()
GIFTS = """basket book cake flowers hat lamp letter picture plant scarf tickets watch ring pen tea gloves apples card cup clock chair
photo kite bread candles advice roses help dinner present""".split()
EVENTS = ["tea", "lunch", "dinner", "a walk", "the concert", "breakfast", "the party", "the play", "a picnic", "the wedding",
          "a game of chess", "supper", "the dance", "a swim"]
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
HOURS = "one two three four five six seven eight nine ten eleven twelve".split()
CLOCK = ["The bell rings", "The bus leaves", "The concert begins", "The film begins", "The meeting ends", "The shop closes", "Dinner is",
         "Lunch is", "The lesson begins", "The ship arrives", "The train leaves", "The shop opens", "School starts", "The game ends",
         "Breakfast is", "The bank closes", "The show begins", "The baby wakes", "The party ends", "My flight leaves"]
UNITS = [("kilograms", "grams", 1000), ("tonnes", "kilograms", 1000), ("kilometres", "metres", 1000), ("litres", "millilitres", 1000),
         ("metres", "millimetres", 1000), ("seconds", "milliseconds", 1000), ("hours", "minutes", 60), ("weeks", "days", 7),
         ("years", "months", 12)]
