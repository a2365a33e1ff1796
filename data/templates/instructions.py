"""Writes the entries from templates that `finetune` learns from: python data/templates/instructions.py

It fills each template with words by a seeded generator, so that it always writes the same `../template_instructions.json`.
No entry has the question, the wording or the answer of an entry of the test, or a word that only the test has.
"""

import itertools
import json
import pathlib
import random
import re

import wordings
from words import *

DATA = pathlib.Path(__file__).resolve().parent.parent
# Most are for what a small model learns last: to copy from the right place, and to reckon.
COUNT = {"arithmetic": 5500, "order": 2500, "counting": 2500, "lists": 2200, "stated facts": 1500, "repeating": 300,
         "classification": 1800, "reading": 600}
USUAL = 450  # entries of each other kind
chance = random.Random(5)
pick = chance.choice


def expand(text):
    """One of the sentences that a text with `{a|b}` stands for."""
    while found := re.search(r"\{([^{}]*\|[^{}]*)\}", text):
        text = text[:found.start()] + pick(found[1].split("|")) + text[found.end():]
    return text


def worded(lines, **slots):
    """One of the wordings, with its slots filled, and with its full stop or question mark."""
    text = pick(lines.strip().splitlines()).strip()
    for name, value in slots.items():
        text = text.replace("{" + name + "}", str(value))
    text = expand(text.replace(" S", " " + wordings.OBJECT))
    return text if text[-1] in ".?" else text + "."


def dressed(text):
    """Now and then more politely."""
    if text[-1] == "?" or chance.random() < 0.9:
        return text
    small = text[0].lower() + text[1:]
    return pick(["Please " + small, "Now " + small, text[:-1] + ", please.", "Can you " + small[:-1] + "?"])


def asked(task, text, word=None):
    """A task of `wordings.TASKS` and what it is to be done with: behind a colon, or as the input."""
    wording = dressed(worded(wordings.TASKS[task].replace("_", word) if word else wordings.TASKS[task]))
    if chance.random() < 0.6:
        return wording + " " + text if wording[-1] == "?" else wording[:-1] + ": " + text, ""
    return wording, text


def upper(text):
    return text[0].upper() + text[1:]


def a(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def listed(words):
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else words[0]


def known():
    """Whether a slot takes a word that the chapters' entries use: mostly, so that a small model sees each word often."""
    return chance.random() < 0.8


def often(words, count):
    """The first words of a list, which the chapters' entries use, or now and then all of them."""
    return words[:count] if known() else words


def name():
    return pick(KNOWN_NAMES if known() else MEN + WOMEN)


def trades():
    return KNOWN_WORK if known() else WORK


def names():
    first, second = name(), name()
    return (first, second) if first != second else names()


def person():
    some = chance.random()
    if some < 0.45:
        return name()
    return pick(often(FAMILY, 2)) if some < 0.6 else "the " + pick(trades())


def two(words):
    return chance.sample(words, 2)


def time():
    return pick(["", "", " " + pick(KNOWN_TIMES if known() else TIMES)])


def verb():
    """The forms of a verb and an object: base, third person, past, participle, object."""
    forms, objects = pick(often(VERBS, KNOWN_VERBS)).split(": ")
    objects = objects.split()
    return *forms.split(), "the " + pick(often(objects, 3))


def adjective(table):
    """An adjective, the one that takes its place, and a subject."""
    pair, subjects = pick(table).split(": ")
    return *pair.split(), pick(["The ", "The ", "This "]) + pick(subjects.split()), pick(["is", "was"])


def state():
    first, second, subject, be = adjective(OPPOSITES)
    return f"{subject} {be} ", pick([first, second]), pick(["", "", "", " today", " yesterday"] if be == "was" else ["", "", " today"])


def tense():
    (base, third, past, _, thing), who, when = verb(), person(), time()
    present = f"{upper(who)} {third} {thing}{when}."
    if chance.random() < 0.5:
        return asked("past", present), f"{upper(who)} {past} {thing}{when}."
    return asked("future", present), f"{upper(who)} will {base} {thing}{when}."


def voice():
    (_, _, past, participle, thing), who, when = verb(), person(), pick(["", "", time()])
    be = "were" if thing[-1] == "s" and thing[-2] != "s" and thing != "the bus" or thing == "the sheep" else "was"
    active = f"{upper(who)} {past} {thing}{when}."
    passive = f"{upper(thing)} {be} {participle} by {who}{when}."
    if chance.random() < 0.5:
        return asked("passive", active), passive
    return asked("active", passive), active


def negation():
    if chance.random() < 0.3:
        start, quality, when = state()
        return asked("negation", f"{start}{quality}{when}."), f"{start}not {quality}{when}."
    (base, third, past, _, thing), who, when = verb(), upper(person()), time()
    form, no = pick([(third, "does not"), (past, "did not")])
    return asked("negation", f"{who} {form} {thing}{when}."), f"{who} {no} {base} {thing}{when}."


def question():
    if chance.random() < 0.3:
        start, quality, when = state()
        subject, be = start.split()[:2], start.split()[2]
        return (asked("question", f"{start}{quality}{when}."),
                f"{upper(be)} {subject[0].lower()} {subject[1]} {quality}{when}?")
    (base, third, past, _, thing), who, when = verb(), person(), time()
    form, do = pick([(third, "Does"), (past, "Did")])
    return asked("question", f"{upper(who)} {form} {thing}{when}."), f"{do} {who} {base} {thing}{when}?"


def antonym():
    first, second, subject, be = adjective(OPPOSITES)
    if chance.random() < 0.5 and first not in ("new", "tall", "open", "near"):
        first, second = second, first
    if second == "old" and first == "new" or chance.random() < 0.15:
        return (worded(wordings.OPPOSITE_ALONE, a=first), ""), f"The opposite of {first} is {second}."
    first = {"old": "young"}.get(first, first)
    second = "old" if first == "young" else second
    when = pick(["", "", "", " today", " at noon", " yesterday"]) if be == "was" else pick(["", "", " today"])
    return asked("opposite", f"{subject} {be} {first}{when}."), f"{subject} {be} {second}{when}."


def synonym():
    some = chance.random()
    if some < 0.3:
        pair, *sentences = pick(WORD_PAIRS).split("|")
        first, second = pair.split()
        h, n, c, p, o, w, d = (pick(x) for x in (HOURS, HOURS[1:], CITIES, GOALS, OWNED, WORK, DAYS))
        N, M = names()
        text = pick(sentences).format(h=h, n=n, c=c, p=p, o=o, w=w, d=d, N=N, M=M)
    else:
        first, second, subject, be = adjective(SYNONYMS)
        if some < 0.4:
            return (worded(wordings.SYNONYM_ALONE, a=first), ""), f"Another word for {first} is {second}."
        text = f"{subject} {be} {first}{pick(['', '', ' today', ' yesterday' if be == 'was' else ''])}."
    ask = worded(wordings.SYNONYM, a=first)
    answer = re.sub(rf"\b{first}\b", second, text)
    return ((f"{ask[:-1]}: {text}" if ask[-1] == "." else f"{ask} {text}", "") if chance.random() < 0.8 else (ask, text)), answer


def plural():
    if chance.random() < 0.5:
        words = chance.sample(often(list(PLURALS), 42), pick([2, 2, 3]))
        return asked("plurals", ", ".join(words)), f"The plurals are {listed([PLURALS[word] for word in words])}."
    one, (many, single), place = pick(often(MOVERS, 13)), pick(often(MOVES, 6)).split(), pick(often(PLACES, 8))
    return asked("plural", f"The {one} {single} {place}."), f"The {PLURALS[one]} {many} {place}."


def rewriting():
    some, who = chance.random(), name()
    he = "he" if who in MEN else "she"
    base, third, past, _, thing = verb()
    if some < 0.33:
        when = pick(["", "", time(), " today", " now"])
        return asked("polite", f"{upper(base)} {thing}{when}."), f"Could you {base} {thing}{when}, please?"
    if some < 0.66:
        feeling, end = pick(often(FEELINGS, 8)), pick(["", "", " today", " again", " now"])
        return asked("reported", f'{who}: "I am {feeling}{end}."'), f"{who} says that {he} is {feeling}{end}."
    form, when = pick([past, past, third]), time()
    return asked("pronoun", f"{who} {form} {thing}{when}."), f"{upper(he)} {form} {thing}{when}."


def correction():
    some, who, when = chance.random(), upper(person()), pick(["", "", time()])
    base, third, past, participle, thing = verb()
    if some < 0.3 and past != base:
        return asked("correction", f"{who} did not {past} {thing}{when}."), f"{who} did not {base} {thing}{when}."
    if some < 0.55:
        return asked("correction", f"{who} {base} {thing} every day."), f"{who} {third} {thing} every day."
    if some < 0.8:
        form = pick(["has", "needs", "wants", "sees", "found", "bought"])
        noun = pick([pick(VOWELS), pick(VOWELS), pick(CONSONANTS)])
        wrong = ("a " if noun in VOWELS else "an ") + noun
        return asked("correction", f"{who} {form} {wrong}."), f"{who} {form} {a(noun)}."
    many, place = PLURALS[pick(often(MOVERS, 13))], pick(often(PLACES, 8))
    wrong, right = pick([("is", "are"), ("was", "were")])
    return asked("correction", f"The {many} {wrong} {place}."), f"The {many} {right} {place}."


def comparison():
    if chance.random() < 0.1:
        more, large, small = (part.split() for part in pick(WHICH).split("|"))
        first, second, more = pick(large), pick(small), " ".join(more)
        pair = [first, second]
        chance.shuffle(pair)
        return (f"Which is {more}, the {pair[0]} or the {pair[1]}?", ""), f"The {first} is {more} than the {second}."
    pair, subjects = pick(COMPARATIVES).split(": ")
    more, less = pair.split() if chance.random() < 0.5 else reversed(pair.split())
    if subjects == "PEOPLE":
        first, second = pick([names(), [f"the {w}" for w in two(trades())]])
    else:
        first, second = (f"the {thing}" for thing in two(subjects.split()))
    return (asked("comparison", f"{upper(first)} is {more} than {second}."), f"{upper(second)} is {less} than {first}.")


def forms():
    who, work, city, age = name(), pick(trades()), pick(often(CITIES, 8)), chance.randint(3, 90)
    if chance.random() < 0.35:
        return (asked("sentence of form", f"Name: {who}, work: {work}, city: {city}"),
                f"{who} works as {a(work)} and lives in {city}.")
    if chance.random() < 0.5:
        field, value = "age", str(age)
        text = pick([f"{who} is {age} years old and lives in {city}.", f"{who} lives in {city} and is {age} years old."])
    else:
        field, value = "work", work
        text = pick([f"{who} works as {a(work)} in {city}.", f"{who} is {a(work)} from {city}."])
    ask = worded(wordings.FIELDS, x=f"name, {field}, city", y=f"the name, the {field} and the city", z=f"name, {field} and city")
    return (ask, text), f"Name: {who}, {field}: {value}, city: {city}"


def joining():
    first, second = names()
    if chance.random() < 0.4:
        past = pick(["bought", "sold", "brought", "ordered", "found", "carried", "packed", "wanted", "needed"])
        one, other = two(often(GOODS, 11))
        return asked("merge", f"{first} {past} {one}. {first} {past} {other}."), f"{first} {past} {one} and {other}."
    if chance.random() < 0.3:
        first, second = (f"The {work}" for work in two(trades()))
    one, other = verb(), verb()
    if one[0] == other[0]:
        return joining()
    word = pick(["and", "but", "while"])
    left, right = f"{first} {one[2]} {one[4]}", f"{second} {other[2]} {other[4]}"
    small = right[0].lower() + right[1:] if right.startswith("The ") else right
    return asked("join with _", f"{left}. {right}.", word), f"{left} {word} {small}."


def replacing():
    (_, third, past, _, thing), who, when = verb(), person(), time()
    form = pick([past, past, third])
    if chance.random() < 0.55:
        old, new = who, person()
        answer = f"{upper(new)} {form} {thing}{when}."
    else:
        old, new = thing, "the " + pick(NOUNS)
        answer = f"{upper(who)} {form} {new}{when}."
    if old == new:
        return replacing()
    ask = dressed(worded(wordings.REPLACE, a=old, b=new))
    text = f"{upper(who)} {form} {thing}{when}."
    return ((f"{ask[:-1]}: {text}" if ask[-1] == "." else f"{ask} {text}", "") if chance.random() < 0.75 else (ask, text)), answer


def letters():
    (first, second), some = names(), chance.random()
    if some < 0.33:
        return (worded(wordings.LETTER, N=first, M=second), ""), f"Dear {second}, this is {first} writing."
    if some < 0.66:
        gift = pick(often(GIFTS, 12))
        return (worded(wordings.THANKS, M=second, g=gift), ""), f"Dear {second}, thank you very much for the {gift}."
    event, day = pick(often(EVENTS, 5)), pick(DAYS)
    return ((worded(wordings.INVITATION, M=second, e=event, d=day), ""),
            f"Dear {second}, would you like to come to {event} on {day}?")


def reading():
    (first, second), some = names(), chance.random()
    asked_for = pick([first, second])
    if some < 0.25:
        things, places = two(often(OWNED, 11)), two(often(SPOTS, 8))
        which = pick([0, 1])
        text = " ".join(f"The {thing} is {place}." for thing, place in zip(things, places))
        return (worded(wordings.WHERE_IS, o=things[which]), text), f"The {things[which]} is {places[which]}."
    if some < 0.6:
        goal, when = pick(often(GOALS, 8)), pick(KNOWN_TIMES if known() else TIMES)
        text = f"{first} went to the {goal} {when} with {second}."
        if chance.random() < 0.5:
            return (worded(wordings.WHERE_WENT, N=first), text), f"{first} went to the {goal}."
        return (worded(wordings.WHEN_WENT, N=first, p=goal), text), f"{first} went there {when}."
    if some < 0.8:
        goods = two(often(GOODS, 11))
        text = f"{first} bought {goods[0]} and {second} bought {goods[1]}."
        return (worded(wordings.BOUGHT, N=asked_for), text), f"{asked_for} bought {goods[(first, second).index(asked_for)]}."
    works = two(trades())
    text = f"{first} is {a(works[0])} and {second} is {a(works[1])}."
    work = works[(first, second).index(asked_for)]
    return (worded(wordings.WHO_IS, w=work), text), f"{asked_for} is the {work}."


def stated_facts():
    N, which = names(), pick([0, 1])
    W, T, H = two(trades()), two(often(OWNED, 11)), two(often(HOLDERS, 5))
    numbers, goods = chance.sample(range(2, 31), 2), two(often(GOODS, 11))
    kind = pick("age has opens many color lives sells".split())
    if kind == "age":
        return (f"How old is {N[which]}?", listed([f"{N[i]} is {numbers[i]} years old" for i in (0, 1)]) + "."), \
            f"{N[which]} is {numbers[which]} years old."
    if kind == "has":
        return (f"Who has the {T[which]}?", listed([f"{N[i]} has the {T[i]}" for i in (0, 1)]) + "."), f"{N[which]} has the {T[which]}."
    if kind == "opens":
        G, at = two(often(GOALS, 8)), chance.sample(range(5, 13), 2)
        text = f"The {G[0]} opens at {at[0]} and the {G[1]} opens at {at[1]}."
        return (f"When does the {G[which]} open?", text), f"The {G[which]} opens at {at[which]}."
    if kind == "many":
        what = pick(COUNTED[:10])
        text = f"There are {numbers[0]} {what} in the {H[0]} and {numbers[1]} {what} in the {H[1]}."
        return (f"How many {what} are in the {H[which]}?", text), f"There are {numbers[which]} {what} in the {H[which]}."
    if kind == "color":
        X, C = two(often(THINGS, 10)), two(often(COLORS, 7))
        return (f"What color is the {X[which]}?", f"The {X[0]} is {C[0]} and the {X[1]} is {C[1]}."), f"The {X[which]} is {C[which]}."
    if kind == "lives":
        C = two(often(CITIES, 8))
        return (f"Where does {N[which]} live?", f"{N[0]} lives in {C[0]} and {N[1]} lives in {C[1]}."), f"{N[which]} lives in {C[which]}."
    text = f"The {W[0]} sells {goods[0]} and the {W[1]} sells {goods[1]}."
    return (f"What does the {W[which]} sell?", text), f"The {W[which]} sells {goods[which]}."


def arithmetic():
    n, m = chance.randint(1, 19), chance.randint(1, 19)
    plus = n + m <= 20
    if not plus and n < m:
        n, m = m, n
    plus = plus and chance.random() < 0.6
    if not plus and n < m:
        n, m = m, n
    if chance.random() < 0.4:
        who, things = name(), pick(COUNTED[:10])
        if not plus and n == m:
            return arithmetic()
        more = pick(["buys", "finds", "gets"]) + f" {m} more" if plus else pick(["sells", "loses", "gives away"]) + f" {m}"
        left = n + m if plus else n - m
        if n < 2 or left < 2:
            return arithmetic()
        return (f"{who} has {n} {things} and {more}. How many {things} does {who} have now?", ""), f"{who} now has {left} {things}."
    if plus:
        return (worded(wordings.SUM, n=n, m=m), ""), f"The sum of {n} and {m} is {n + m}."
    return (worded(wordings.DIFFERENCE, n=n, m=m), ""), f"The difference of {n} and {m} is {n - m}."


def counting():
    start = chance.randint(1, 28)
    end = start + chance.randint(2, 5)
    if end > 30:
        return counting()
    if chance.random() < 0.5:
        return (worded(wordings.COUNT_UP, n=start, m=end), ""), f"The numbers are {listed([str(n) for n in range(start, end + 1)])}."
    return (worded(wordings.COUNT_DOWN, n=end, m=start), ""), f"The numbers are {listed([str(n) for n in range(end, start - 1, -1)])}."


def units():
    large, small, factor = pick(UNITS)
    count = chance.randint(2, 60 if factor == 1000 else 14)
    return (worded(wordings.UNITS, n=count, a=large, b=small), ""), f"There are {count * factor:,} {small} in {count} {large}."


def clock_or_date():
    if chance.random() < 0.45:
        day, month, year = chance.randint(1, 28), pick(MONTHS), chance.randint(1700, 2030)
        return asked("date", f"{day} {month} {year}"), f"The date is {month} {day}, {year}."
    start, hour, minutes = pick(often(CLOCK, 12)), chance.randrange(12), pick([0, 15, 30, 45])
    spoken = {0: f"{HOURS[hour]} o'clock", 15: f"a quarter past {HOURS[hour]}", 30: f"half past {HOURS[hour]}",
              45: f"a quarter to {HOURS[(hour + 1) % 12]}"}[minutes]
    return asked("time", f"{start} at {hour + 1}:{minutes:02}."), f"{start} at {spoken}."


def nouns(count):
    return chance.sample(KNOWN_NOUNS if known() else NOUNS, count)


def order():
    task = pick("reverse reverse sort sort ends leave start end".split())
    words = nouns(pick([3, 3, 4]))
    text = " ".join(words)
    if task == "reverse":
        return asked("reverse", text), f"Reversed: {' '.join(reversed(words))}."
    if task == "sort":
        return asked("sort", text), f"In order: {' '.join(sorted(words))}."
    if task == "ends":
        return asked("ends", text), f"They are {words[0]} and {words[-1]}."
    if task == "leave":
        word = pick(words)
        return asked("leave out _", text, word), f"That leaves {' '.join(other for other in words if other != word)}."
    word, *words = nouns(4)
    text = " ".join(words)
    new = f"{word} {text}" if task == "start" else f"{text} {word}"
    return asked(f"{task} _", text, word), f"The list is now {new}."


def classification():
    groups = two(sorted(GROUPS))
    first, second = (pick(GROUPS[group][:6]) for group in groups)
    text = f"{first} {pick(['or', 'and', 'or'])} {second}"
    some = chance.random()
    if some < 0.15:
        pair = chance.sample(groups, 2)
        return (f"Is {a(first)} {a(pair[0])} or {a(pair[1])}?", ""), f"{upper(a(first))} is {a(groups[0])}."
    if some < 0.55:
        text = f"{first} and {second}"
        return asked("groups", text), f"The {first} is {a(groups[0])} and the {second} is {a(groups[1])}."
    which = pick([0, 1])
    this, that = (first, second) if which == 0 else (second, first)
    return asked("which group _", f"{first} or {second}", a(groups[which])), f"The {this} is {a(groups[which])}, the {that} is not."


def lists():
    group, other, another = chance.sample(sorted(GROUPS), 3)
    members = chance.sample(GROUPS[group], pick([2, 2, 3]))
    strangers = [pick(GROUPS[other])] if len(members) == 3 or chance.random() < 0.5 else [pick(GROUPS[other]), pick(GROUPS[another])]
    things = [f"the {word}" for word in chance.sample(members + strangers, len(members + strangers))]
    text = pick([f"I see {listed(things)}.", f"{upper(listed(things))} are here."])
    wording = dressed(worded(wordings.TASKS["list the _"].replace("_", group + "s")))
    found = [thing for thing in things if thing[4:] in members]
    return (wording, text), f"The {group}s are {listed(found)}."


def sentiment():
    place = pick(sorted(REVIEWED))
    subject = pick(REVIEWED[place].split())
    verdict, table = pick([("Good", GOOD), ("Bad", BAD)])
    quality = pick(table[place].split())
    end = pick([".", ".", " and we told the owner.", ", I must say.", ", as my sister said."])
    review = f"The {subject} was {pick(['', 'really '])}{quality}{end}"
    return (dressed(worded(wordings.TASKS["sentiment"])), review), f"{verdict}: the {subject} was {quality}."


def repeating():
    some = chance.random()
    if some < 0.4:
        text = " ".join(nouns(pick([3, 4, 5, 6])))
    elif some < 0.7:
        (_, text), _ = stated_facts()
    else:
        (_, _, past, _, thing), who, when = verb(), person(), time()
        text = f"{upper(who)} {past} {thing}{when}."
    return asked("repeat", text), text


KINDS = {"tense": tense, "voice": voice, "negation": negation, "question": question, "antonym": antonym, "synonym": synonym,
         "plural": plural, "rewriting": rewriting, "correction": correction, "comparison": comparison, "forms": forms,
         "joining": joining, "replacing": replacing, "letters": letters, "reading": reading, "stated facts": stated_facts,
         "arithmetic": arithmetic, "counting": counting, "units": units, "time": clock_or_date, "order": order,
         "classification": classification, "lists": lists, "sentiment": sentiment, "repeating": repeating}


def words_of(entry):
    return set(re.findall(r"[^\W_]+", f"{entry['instruction']} {entry.get('input', '')} {entry['output']}".lower()))


def wording_of(entry):
    """The instruction up to its colon, without what is quoted or counted."""
    text = re.sub(r"'[^' ]+( [^' ]+)?'", "'_'", entry["instruction"].lower()).split(": ")[0].rstrip(".")
    return re.sub(r"\d+", "0", text)


class Kept:
    """What the test keeps for itself."""

    def __init__(self):
        read = lambda file: json.loads((DATA / file).read_text())
        known = read("instructions.json") + read("more_instructions.json") + read("conversations.json")
        test = read("instruction_tests.json")
        self.questions = {(entry["instruction"], entry["input"]) for entry in test + known}
        self.answers = {entry["output"] for entry in test if entry["kind"] != "arithmetic"}
        self.wordings = {wording_of(entry) for entry in test if entry["part"] == "unseen phrasings"}
        self.words = set().union(*map(words_of, test)) - set().union(*map(words_of, known))

    def allows(self, entry):
        question = (entry["instruction"], entry.get("input", ""))
        return (question not in self.questions and entry["output"] not in self.answers
                and wording_of(entry) not in self.wordings and not words_of(entry) & self.words)


def main():
    kept, entries = Kept(), []
    for kind, write in KINDS.items():
        seen = set()
        for _ in itertools.repeat(None, 60_000):
            if len(seen) == COUNT.get(kind, USUAL):
                break
            (instruction, text), output = write()
            entry = {"instruction": instruction, "input": text, "output": output, "kind": kind}
            if kept.allows(entry) and (instruction, text) not in seen:
                seen.add((instruction, text))
                entries.append({key: value for key, value in entry.items() if value})
        print(f"{len(seen):5} {kind}")
    chance.shuffle(entries)
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    (DATA / "template_instructions.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(entries):5} in all")


if __name__ == "__main__":
    main()
