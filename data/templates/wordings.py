"""How each task is worded. `{a|b}` stands for one of the words between its braces; `_` for what is asked about.

A wording without `_` is followed by a sentence: after a colon, or as the input."""

SENTENCE = "{this|this sentence|the sentence|the following|the following sentence|it}"
OBJECT = "{this|this sentence|the sentence|the following|the sentence below}"

TASKS = {
    "repeat": """Repeat {this|it|the words|what I say}
        {Say|Write} {this|it|the same} again
        {Say|Write} {this|it|the same} once more
        Copy {this|it|the words}""",
    "past": """{Put|Change|Turn|Move|Shift|Set|Transfer} S {into|to} the past{| tense}
        {Rewrite|Write|Say|Repeat|Restate|Give|Phrase|Express} S in the past{| tense}
        {Rewrite|Tell|Say|Write} S as {if it were over|if it happened yesterday|something that is over|past}
        {Use|Choose} the past tense {here|in this sentence|for this|of the verb}
        Make {this|the sentence|the verb} past tense
        {Let|Imagine} this {be over|lie in the past}
        Past tense{|, please}
        What is this {in|when put into} the past tense?""",
    "future": """{Put|Change|Turn|Move|Shift|Set|Transfer} S {into|to} the future{| tense}
        {Rewrite|Write|Say|Repeat|Restate|Give|Phrase|Express} S in the future{| tense}
        {Rewrite|Tell|Say|Write} S as {if it were still to come|if it happened tomorrow|something yet to happen|future}
        {Use|Choose} the future tense {here|in this sentence|for this|of the verb}
        {Use|Put} 'will' {here|in this sentence}
        Make {this|the sentence|the verb} future tense
        {Let|Imagine} this {be still to come|lie in the future}
        Future tense{|, please}
        What is this {in|when put into} the future tense?""",
    "passive": """{Put|Change|Turn|Move|Convert|Transform|Switch} S {into|to} the passive{| voice}
        {Rewrite|Write|Say|Repeat|Restate|Give|Phrase|Express} S in the passive{| voice}
        {Turn|Make|Convert|Change} S into a passive {sentence|one}
        {Use|Choose} the passive{| voice} {here|in this sentence|for this}
        Make S passive
        Passive voice{|, please}
        {Start|Begin} with {the object|what it was done to}
        What is the passive{| form} of this{| sentence}?""",
    "active": """{Put|Change|Turn|Move|Convert|Transform|Switch} S {into|to} the active{| voice}
        {Rewrite|Write|Say|Repeat|Restate|Give|Phrase|Express} S in the active{| voice}
        {Turn|Make|Convert|Change} S into an active {sentence|one}
        {Use|Choose} the active{| voice} {here|in this sentence|for this}
        Make S active
        Active voice{|, please}
        {Start|Begin} with {the one who did it|who did it}
        What is the active{| form} of this{| sentence}?""",
    "negation": """{Make|Turn|Get|Render} S negative
        {Turn|Change|Make|Convert|Transform} S into {a negative sentence|its negative|a negative|a denial}
        {Put|Set} S {into the negative|in the negative|in negative form}
        {Write|Give|Form|Say|State|Find} the negative {of this|of this sentence|form|form of this}
        {Negate|Deny} S
        {Rewrite|Write|Say|Repeat|Use} S with {'not'|a 'not'|a negation}
        {Use|Put|Add|Insert} 'not' {here|in this sentence|into this}
        Say that this is {not so|not true|false}
        What is the negative of this{| sentence}?""",
    "question": """{Turn|Make|Change|Convert|Transform|Rewrite} S {into|to} a question
        {Make|Form|Build|Create|Write} a question {of|from|out of} S
        {Rewrite|Write|Say|Put|Phrase|Restate|Give} S as a question
        Ask {whether|if} this is {so|true|right|the case}
        Ask {whether|if} that {is|was} so
        {Use|Give} the question form {of this|here}
        Make S a question
        Make S interrogative
        What is the question to this{| statement}?""",
    "opposite": """{Rewrite|Write|Say|Repeat|Give|Restate} S with the opposite {adjective|word|quality}
        {Say|Write|Give|State|Tell me|Make} the opposite{| of this| of this sentence}
        {Use|Take|Choose} the opposite {adjective|word}{| here| in this sentence}
        {Swap|Exchange|Replace|Change} the adjective {for|by|with|to} its opposite
        {Reverse|Turn around|Invert|Flip} the adjective{| here| in this sentence}
        {Put|Set|Use} the {opposite|antonym} {in place of|for} the adjective
        {Make|Turn} this {the|into the} opposite
        Change {this|the sentence} to its opposite
        {Use|Choose} the antonym""",
    "plural": """{Make|Turn|Put} the subject {plural|into a plural|into the plural|in the plural}
        {Rewrite|Write|Say|Give|Repeat|Restate} S with {a plural subject|the subject in the plural|several of them}
        {Use|Choose|Take} a plural subject{| here}
        {Rewrite|Say|Tell} S of {more than one|several|many}
        {Change|Move|Set} the subject {to|into} the plural
        Let there be {several|more than one}""",
    "polite": """{Make|Turn|Get|Render} {this|it|this request|this order|the order|this command} {polite|more polite|friendlier}
        {Ask for|Say|Put|Request|Phrase|Write|Rewrite|Demand} this {politely|in a polite way|more politely|with politeness}
        {Rewrite|Write|Say|Phrase|Turn} this {as|into} a polite {request|question}
        {Turn|Change|Make} {this order|this command|the order} into a {polite request|friendly question|polite question}
        {Say|Write|Begin} this with 'could you'
        {Be|Sound} polite about this
        How do you {ask for|say} this politely?""",
    "reported": """{Report|Retell|Tell} what is said
        {Report|Retell} this
        {Write|Rewrite|Say|Give|Put|Phrase|Tell|Turn|Change|Convert} this {as|into|in} {reported|indirect} speech
        {Write|Say|Put|Tell} this without {quotation marks|quotes|quoting}
        Use {reported|indirect} speech{| here}
        {Tell|Say} what {he or she|this person|the speaker} says""",
    "pronoun": """{Use|Put|Write|Say|Take} {a pronoun|'he' or 'she'} {for|instead of|in place of|in the place of} the {name|person}
        {Replace|Swap|Exchange} the name {by|with|for} {a pronoun|'he' or 'she'}
        {Change|Turn} the name {to|into} a pronoun
        {Write|Rewrite|Say|Repeat} this with {a pronoun|'he' or 'she'}
        {Use|Put} {a pronoun|'he' or 'she'} {here|in this sentence}
        {Rewrite|Write|Say} this without the name""",
    "correction": """{Correct|Fix|Mend|Repair|Amend} {this|this sentence|the mistake|the mistake in this sentence|the error|the grammar}
        {Find|Look for} and {correct|mend|fix|repair} the {mistake|error}
        {Write|Rewrite|Say|Repeat|Give} this {correctly|without the mistake|in correct English|as it should be}
        {Write|Give|Say} the correct {sentence|form}
        {Remove|Clear up} the {mistake|error}
        {Make|Put|Set} this right
        There is {a mistake|an error} here; {fix|mend|correct} it
        What should this {sentence|say|be}?
        How {should|would} this be {written|said} correctly?""",
    "comparison": """{Turn|Flip|Switch} this comparison {round|around}
        {Say|Tell|State|Write|Put} {the same|this} {the other way round|the other way around|from the other side}
        {Say|State|Write|Give|Put} this comparison {in reverse|the other way|the other way around|backward}
        {Reverse|Flip|Invert|Swap} {this|the} comparison
        {Compare|Put} them the other way{| around}
        {Swap|Exchange} the two {and keep the meaning|in this comparison}
        {Begin|Start} {the comparison|this} with the other {one|side}
        How is this said the other way around?""",
    "sentence of form": """{Write|Rewrite|Say|Give|Put} this form {as|in|into} {a sentence|words}
        {Make|Build|Form|Write|Create} a sentence {of|from|out of|with} this form
        {Turn|Make|Change|Convert} this form {into|to} a {sentence|full sentence}
        {Say|Tell|Read} this form in {a sentence|words|one sentence}
        {Write|Give} one sentence that says {what the form says|all of this}""",
    "merge": """{Make|Build|Form|Write|Create} one sentence {of|from|out of} {these|the two|these two|both}
        {Join|Combine|Merge|Unite|Connect|Put together} {these|these sentences|the two|the two sentences|both} {into|in} {one|one sentence|a single sentence}
        {Merge|Combine|Join|Unite|Connect} {these|these sentences|the two sentences|both sentences}
        {Turn|Make|Shorten} these {into|to} one sentence
        {Put|Say|Write|Tell} {these|both|the two} {together in|in|as} {one|a single} sentence
        Make these one sentence""",
    "join with _": """{Join|Connect|Link|Combine|Unite|Tie together} {these|the sentences|these sentences|the two sentences|both|both sentences|the two} {with|by|using|through} '_'
        {Put|Bring|Fit} {these|the sentences|both sentences|the two} together {with|by|using} '_'
        {Make|Build|Form} one sentence {with|using|by means of} '_'
        Use '_' to {join|connect|link|combine} {these|the sentences|both}
        {Put|Set|Write} '_' between {these|the sentences|the two|the two sentences}""",
    "time": """{Say|Write|Give|Put|Tell|Express|Read} the time in{|to} words
        {Change|Turn|Convert} the time {to|into} words
        {Write|Spell|Say|Put} {out the time|the time out|this time in words|the hour in words}
        {Say|Write} {this|the sentence} without {numbers|digits|figures}
        {Replace|Swap} the {digits|numbers|figures} {by|with} words
        How do you say this time in words?""",
    "date": """{Put|Write|Set|Say} the month {before the day|first|in front of the day}
        {Write|Give|Say|Rewrite|Put|Read} this date{|,} {with the month first|month first|with the month before the day}
        {Start|Begin} this date with the month
        {Put|Write|Turn|Change|Set} this date {in|into|to} {the American order|American order|American style}
        {Write|Give|Say|Rewrite} this date {as Americans do|the American way|in the American way}""",
    "plurals": """{Write|Give|Name|Find|Say|Form|State|Tell me} the {plurals|plural forms|plural} of {these|these words|these nouns|the words|the nouns|each word}
        {Put|Turn|Change|Set} {these|these words|these nouns|the nouns} {in|into} {the plural|plurals|their plurals}
        {Make|Turn} {these|these words|these nouns|the words} plural
        {Name|Give|List|Write} the plurals
        What {are|would be} the plurals of these{| words| nouns}?
        {Write|Give} each {word|noun} in the plural""",
    "reverse": """{Turn|Switch} the order of these {words|nouns} {round|around}
        {Write|Give|Say|List|Put|Repeat} these {words|nouns} in {reverse|reversed|the opposite|backward} order
        {Reverse|Invert|Flip} {these words|the order|the words|the order of these words|this list}
        {Say|Write|Read|List|Give} {these words|the words|this list} {backward|backwards|from back to front|from the end|from the last to the first}""",
    "sort": """{Put|Write|Set|Bring|Arrange} these {words|nouns} {in|into} {alphabetical order|the order of the alphabet}
        {Sort|Order|Arrange} {these words|these|the words|this list} {by the alphabet|alphabetically|from A to Z|by their letters}
        {List|Write|Give|Say} {these words|the words} {alphabetically|from A to Z|in alphabetical order}
        What is the alphabetical order of these{| words}?""",
    "ends": """{Name|Give|Say|Write|State|Find|Tell me|Pick out} the first and the last {of these words|word|of these|word of this list|of them}
        {Name|Give|Say|Write} the first and last {of these words|of these|word}
        {Which|What} are the first and the last {of these words|word|word here|of these}?
        {Name|Give|Keep} only the first and the last{| word| of these words}
        {With|By} which words does this list begin and end?""",
    "leave out _": """{Leave|Take|Strike|Cross} out '_'{| of this list| from this list}
        {Remove|Drop|Delete|Erase|Omit|Strike} '_'{| from this list| from these words| here}
        {Write|Say|Give|Repeat} {the list|these words|the words|the rest} without '_'
        {Take|Throw} '_' {away|out}{| from these words}
        What {is left|remains|stays} without '_'?""",
    "start _": """{Put|Place|Set|Write} '_' {at the start of|at the beginning of|in front of|before|at the head of} {this list|these words|the list}
        {Add|Insert} '_' {to the front of|at the start of|at the beginning of|before|to the beginning of} {this list|these words|the list}
        {Begin|Start} {this list|the list|these words} with '_'
        Let {this list|the list} {begin|start} with '_'""",
    "end _": """{Put|Place|Set|Write} '_' {at the end of|at the back of|behind|after} {this list|these words|the list}
        {Add|Insert|Append} '_' {to the end of|at the end of|after|behind|to} {this list|these words|the list}
        {End|Finish|Close} {this list|the list|these words} with '_'
        Let {this list|the list} end with '_'""",
    "sentiment": """{Does|Would you say} this {review|comment|opinion} {sound|is} good or bad, and why?
        Is {this review|this comment|this opinion|the guest's verdict|the guest's opinion|the verdict|this judgment} good or bad{, and why?|? Say why.|? Give the reason.}
        {Judge|Rate|Mark|Call|Label|Classify} this {review|comment|opinion} {as|to be} good or bad{, and say why| and say why| and give the reason|}
        {Good|Bad} or {bad|good}? {Say why|Give the reason|Why}.
        {Say|Tell me|Decide} {whether|if} this {review|comment|opinion} is good or bad{, and why| and why|}
        {Was|Is} the {guest|writer|visitor|customer} {pleased|happy|content}? Say good or bad{, and why| and why|}""",
    "groups": """{Say|Tell|State|Name|Write} to which group {each|each of these|each one|each thing} belongs
        {Sort|Put|Divide} {these|these two|each|the two} into {their groups|its group|groups}
        {Tell|Say|Explain|State} what {each of these|each one|each|each thing} is
        What {is each of these|kind of thing is each|are these}?
        {Name|Give|Find} the group of {each|each one|each of these|both}
        {Classify|Group} {these|the two|both|each of these}
        Which group does each {belong to|one belong to}?""",
    "which group _": """Which {of these|of the two|one|of them} is _?
        {Say|Tell|Decide|Tell me} which {of these|of the two|one|of them} is _
        {Pick|Find|Choose|Name|Point out|Select} the {one|thing|word} that is _
        {Pick|Find|Choose|Name} what is _{| here}
        What is _ here?""",
    "list the _": """{List|Name|Write down|Find|Pick out|Give|Say|Collect|Select|Tell me} {all |}the _{| here| in this sentence| that you find| that are named}
        {Write|Give|Put} the _ {as a list|in a list|down}
        {Give|Write|Tell me|Say} the names of the _
        {Which|What} _ are {named|there|here|mentioned}?
        {Name|List} only the _
        Make a list of the _""",
}
# What stands in these is written by `instructions.py`: {n} {m} numbers, {N} {M} names, and so on.
COUNT_UP = """{Count|Go|Count up|Count on} from {n} to {m}
    {Name|Say|Write|Write down|Give|List|Tell me} {all |}the numbers {from {n} to {m}|between {n} and {m}, both named}
    {Begin|Start} at {n} and count to {m}
    Which numbers {go|are there} from {n} to {m}?
    {Count|Go} up to {m} from {n}
    {Write|Say} {n} to {m} as a list"""
COUNT_DOWN = """{Count|Go} {down|backward|backwards|back} from {n} to {m}
    {Name|Say|Write|Give|List} the numbers {down|backward|backwards} from {n} to {m}
    {Begin|Start} at {n} and count {down|back|backward} to {m}
    {Count|Go} {down|back|backward} to {m} from {n}
    Which numbers go down from {n} to {m}?"""
SUM = """{Add|Add up|Sum up} {n} and {m}
    {What|How much|How many} is {n} {plus|and|added to|together with} {m}?
    {Find|Give|Name|Work out|Calculate|Compute|State|Write|Tell me} the sum of {n} and {m}
    What {is|would be} the sum of {n} and {m}?
    {Calculate|Work out|Compute|Find} {n} {plus|and} {m}
    What do {n} and {m} {make|come to|give|add up to}{| together}?
    {Put|Take|Count} {n} and {m} together
    Add {m} to {n}"""
DIFFERENCE = """{Subtract|Take|Take away|Deduct} {m} from {n}
    {What|How much|How many} is {n} {minus|less|without|take away} {m}?
    {Find|Give|Name|Work out|Calculate|Compute|State|Write|Tell me} the difference {of|between} {n} and {m}
    What {is|would be} the difference {of|between} {n} and {m}?
    {Calculate|Work out|Compute|Find} {n} minus {m}
    What {remains|is left} of {n} without {m}?
    What is left when {m} is taken from {n}?
    By how much is {n} more than {m}?"""
UNITS = """{Convert|Turn|Change|Transform} {n} {a} {to|into} {b}
    How many {b} are {n} {a}?
    How many {b} are {there |}in {n} {a}?
    {Give|Express|Write|Say|State|Tell me} {n} {a} in {b}
    {Work out|Find|Find out|Calculate|Tell me} how many {b} {make|are in|there are in|are} {n} {a}
    {Change|Convert} from {a} to {b}: {n} {a}
    How many {b} {do|will} {n} {a} make?
    {What|How much} {is|are} {n} {a} in {b}?
    {n} {a} are how many {b}?"""
REPLACE = """{Replace|Exchange|Swap} '{a}' {by|with|for} '{b}'
    {Write|Use|Put|Say|Set|Take} '{b}' {for|instead of|in place of|in the place of|where it says} '{a}'
    {Substitute|Put|Insert} '{b}' for '{a}'
    {Change|Turn} '{a}' {to|into} '{b}'
    {Rewrite|Write|Say|Repeat} this with '{b}' {for|instead of|in place of} '{a}'
    {Let|Make} '{a}' {be|become|read} '{b}'
    Where it says '{a}', {write|say|put|use} '{b}'"""
SYNONYM = """{Replace|Exchange|Swap} '{a}' {by|with|for} {a word of the same meaning|a synonym|another word|a word that means the same}
    {Say|Write|Put|Tell|Repeat} {it|this} with {another word|a synonym|a different word} for '{a}'
    {Say|Write|Tell|Use|Rewrite} {this|it} with {a synonym|a word of the meaning} of '{a}'
    {Put|Use|Find|Choose|Insert|Give} {a synonym|another word|a different word} for '{a}'{| here| in this sentence}
    {Change|Turn} '{a}' {to|into} a {synonym|word of the same meaning|different word}
    Say '{a}' {in another way|differently|with other words}
    What else could '{a}' be here?"""
SYNONYM_ALONE = """{What is|Name|Give|Say|Find|Tell me|Write} {another word|a synonym|a word of the same meaning} for {a}
    {Name|Give|Say|Find|Write} a word that means {the same as {a}|{a}}
    Which word means {the same as {a}|{a}}?"""
OPPOSITE_ALONE = """{What is|Name|Give|Say|Find|Tell me|Write|State} the {opposite|antonym} of {a}
    Which word is the opposite of {a}?
    {Name|Give|Say} the word opposite to {a}"""
LETTER = """{Begin|Start|Open|Write} a letter from {N} to {M} with a greeting and the sender's name
    {Write|Give|Say|Compose} the {first line|opening line|opening|beginning|first sentence} of a letter from {N} to {M}
    {Begin|Start|Open} a {letter|note|message} {from {N} to {M}|to {M} from {N}}
    {N} writes to {M}. {Begin|Start|Open} the letter
    How does {N} begin a letter to {M}?"""
THANKS = """{Thank {M}|Say thanks to {M}|Give {M} thanks|Express thanks to {M}} for the {g}{| in one line| in one sentence| in a letter| in a note}
    {Write|Send} {M} a {line|note|word|sentence} of thanks for the {g}
    {Write|Send} {a short note|a line|a letter|a few words|a message} to {M} {to give thanks|with thanks|that gives thanks|and give thanks} for the {g}
    {Write|Send} {a short note|a line|a note|a message} to thank {M} for the {g}
    {Write|Compose} a thank-you {note|line|letter} {to|for} {M} for the {g}
    {Tell|Write to} {M} that you are thankful for the {g}"""
INVITATION = """{Invite|Ask} {M} to {e} on {d}{| in one line| in a letter}
    {Write|Send} {M} an invitation to {e} on {d}
    {Write|Compose|Send} an invitation {for|to} {M} to {e} on {d}
    {Write|Compose|Send} an invitation to {e} on {d} {for|to} {M}
    {Write|Send} {a line|a note|a sentence|a letter|a message} that {invites|asks} {M} to {e} on {d}
    {Ask|Write to ask} {M} {whether|if} {e} on {d} would be nice
    {Ask|Invite} {M} to come to {e} on {d}"""
FIELDS = """{Fill in|Fill out|Complete|Write} {the|a|this} form: {x}
    {Take|Pick|Copy|Get|Pull|Read} {y} {from|out of} this sentence
    {Pick out|Give|List|Find|Name|Write down|Note|Extract|State|Collect} {y}{| of this person| in this sentence| here}
    {Write|Make|Fill in|Fill out} a form with {z}
    {Turn|Make|Put} this into a form with {z}
    {Which|What} are {y}{| here}?"""
WHERE_IS = """Where is the {o}?
    {Say|Tell|Tell me|Find out|State|Write|Show me} where the {o} is
    {Find|Look for|Locate} the {o}
    Where {can I find|do I find|can we find|should I look for|would I look for|does one find} the {o}?
    Where has the {o} been put?
    In which place is the {o}?
    {Name|Give} the place of the {o}"""
WHERE_WENT = """Where did {N} go{|to}?
    {Say|Tell|Tell me|Find out|State|Write} where {N} went
    {To which place|To what place} did {N} go?
    {Which|What} place did {N} {go to|visit}?
    {Name|Give} the place {that {N} went to|where {N} went|to which {N} went}"""
WHEN_WENT = """When did {N} go to the {p}?
    {Say|Tell|Tell me|Find out|State|Write} when {N} went to the {p}
    {At what|At which} time did {N} go to the {p}?
    {Name|Give} the time {when|at which} {N} went to the {p}"""
BOUGHT = """What did {N} buy?
    {Say|Tell|Tell me|Find out|State|Write} what {N} bought
    {Which|What} {goods|thing|things} did {N} buy?
    {Name|Give} {what {N} bought|the thing that {N} bought}
    What was bought by {N}?"""
WHO_IS = """Who is the {w}?
    {Say|Tell|Tell me|Find out|State|Write} who the {w} is
    {Name|Find|Give the name of} the {w}
    Who works as {the|a} {w}?
    Which of {them|the two|these people} is the {w}?
    What is the {w} called?"""
