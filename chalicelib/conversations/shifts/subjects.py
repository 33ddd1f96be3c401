"""What everyday talk is about: a reviewed list of subjects and common words of each. Two messages may share a subject
without sharing a word. English; a word may belong to several subjects, and its other forms are found by their stem."""

from __future__ import annotations

SUBJECTS = {
    "food": """
        eat ate food pizza burger cheese cheeseburger chicken meat steak beef pork bacon fish sushi seafood shrimp salad
        vegetable vegan vegetarian fruit apple banana orange berry tomato pasta spaghetti lasagna rice soup bread toast
        sandwich taco burrito curry noodle chips cereal breakfast lunch dinner meal snack dessert chocolate candy cake
        pie cookie ice cream donut vanilla pancake hungry diet restaurant tasty delicious yum yummy cook bake baker chef
        recipe kitchen oven grill bbq garlic spicy spice sweet egg potato fries butter honey mexican italian chinese
        thai organic raw""",
    "drink": "drink drank drunk beer wine coffee tea juice soda water milk bar pub vodka whiskey alcohol cafe cocktail",
    "animals": """
        pet dog cat puppy kitten kitty bird parrot fish turtle hamster rabbit bunny horse pony animal shelter vet breed
        retriever shepherd labrador lab poodle terrier chihuahua zoo cow sheep goat farm snake lizard frog ferret pig
        elephant lion tiger bear wolf bee""",
    "family": """
        family mom mum mother dad father parent brother sister sibling son daughter kid child children baby pregnant
        grandma grandmother grandpa grandfather grandparent grandchild grandson aunt uncle cousin niece nephew twin
        mommy daddy adopted boys girls""",
    "partner": """
        married marry marriage wedding wife husband boyfriend girlfriend single date divorced divorce partner fiance
        engaged spouse relationship romantic""",
    "friends": "friend friendship neighbor buddy roommate party lonely alone people social crowd shy",
    "work": """
        work job career boss office company business employed employee employer coworker colleague manager retired
        retire retirement salary hired fired unemployed interview profession professional nurse doctor lawyer engineer
        mechanic accountant accounting secretary salesman sales waitress waiter bartender cashier librarian police cop
        firefighter construction factory store retail industry insurance bank army military navy marine soldier pilot
        truck programmer occupation living shift customer client""",
    "study": """
        school college university student study class grade degree graduate major teach teacher taught professor
        homework exam math science history chemistry physics biology kindergarten elementary learn education course
        tutor lesson campus scholarship""",
    "languages": "language spanish french german english italian japanese chinese russian speak fluent bilingual",
    "music": """
        music song sing singer sang band guitar piano violin drum instrument concert rock metal jazz country rap hip hop
        pop folk classical blues album listen radio tune dance dancer choir""",
    "film": """
        movie film cinema watch tv television show netflix series episode season actor actress horror comedy cartoon
        anime documentary hollywood""",
    "books": "book read reader novel author write writer wrote written poetry poem library fiction story magazine",
    "sport": """
        sport football basketball baseball softball soccer hockey tennis golf volleyball gymnastics racing team play
        player game coach olympic olympics medal champion bowling wrestling boxing karate surf ski skate skateboard swim
        pool athlete athletic league match fan""",
    "fitness": """
        gym exercise workout run runner ran marathon treadmill jog yoga pilates fit lift muscle healthy health train
        cycling bike walk""",
    "games": "game gaming gamer video xbox playstation nintendo chess poker card board puzzle computer online toy",
    "outdoors": """
        hike camp outdoors outdoor outside nature mountain beach ocean sea lake river forest woods park playground
        garden flower rose plant tree hunt fishing sail boat kayak climb sun sand""",
    "travel": """
        travel trip vacation holiday visit country europe paris france italy spain germany japan china mexico canada
        australia africa england london india world abroad flight fly plane cruise hotel hawaii tour overseas passport
        explore airport museum""",
    "place": """
        live city town state california texas florida york chicago seattle boston house home apartment move
        neighborhood born grew raise originally rural farm suburb area downtown""",
    "weather": """
        weather rain rainy snow cold hot warm cool sunny season summer winter fall autumn spring temperature storm
        hurricane cloudy wind""",
    "health": """
        sick ill doctor hospital surgery surgeon cancer pain hurt injury broke broken disease allergic allergy medicine
        medical headache anxiety depressed depression therapy therapist blind deaf wheelchair diabetes smoke weight
        blood arm leg sleep""",
    "money": """
        money rich poor pay paid buy bought spend spent expensive cheap afford shop shopping mall bill rent price cost
        sell sold sale save charity donate volunteer invest budget loan debt wealthy""",
    "cars": """
        car drive drove truck vehicle motorcycle ford honda toyota mustang road garage engine tractor license
        ride""",
    "looks": """
        hair eyes blue green red brown black blonde blond color purple pink yellow grey tall short wear clothes clothing
        dress shoe shirt jeans fashion style tattoo makeup nails outfit boots hat model dye""",
    "art": """
        art artist paint draw drawn sculpture photography photo photographer picture camera craft knit sew crochet
        design designer pottery theater theatre perform""",
    "faith": """
        church god religion religious pray prayer bible christian catholic jewish muslim spiritual faith atheist
        meditate meditation""",
    "age": "old age young birthday turned older younger twenties thirties forties",
    "names": "name names called nickname",
    "greeting": "today tonight evening morning day doing hello hi hey weekend afternoon week",
    "leisure": "hobby hobbies fun free spare time pastime interest enjoy collect collection relax bored boring",
    "feelings": "tired sleepy happy sad stressed excited nervous scared afraid fear angry upset worry worried",
    "technology": """
        computer internet phone app software program code website blog facebook twitter instagram youtube robot laptop
        technology server database bug deploy api data device install update""",
    "plans": "plan schedule calendar meeting deadline appointment reminder project task agenda remind tomorrow",
    "society": "politics president government vote election war law court tax crime prison protest",
}  # fmt: skip
