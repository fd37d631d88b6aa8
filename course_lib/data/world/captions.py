"""A sentence about a scene, from its factors: what is there, in which colour, where, and in which light."""

import torch

from course_lib.data.world.backgrounds import GROUNDS, SKIES, TIMES
from course_lib.data.world.distractors import KINDS
from course_lib.data.world.draws import Draws
from course_lib.data.world.objects import CLASSES
from course_lib.data.world.weather import WEATHERS

# Names of colours: from a hue (degrees of CIELAB's a and b) on, those of dark, middling and light things.
_COLOURS = [
    (0, "crimson maroon", "rose ruby", "pink rosy"),
    (25, "brick oxblood", "red scarlet", "salmon coral"),
    (50, "rust russet", "orange tangerine", "peach apricot"),
    (75, "bronze tawny", "amber golden", "sandy buff"),
    (95, "olive khaki", "mustard ochre", "yellow lemon"),
    (115, "fern mossy", "lime grassy", "pistachio pear"),
    (140, "forest bottle-green", "green emerald", "mint celadon"),
    (170, "spruce viridian", "teal turquoise", "aqua jade"),
    (210, "petrol steel", "cyan cerulean", "sky-blue icy"),
    (250, "navy ink-blue", "blue azure", "powder-blue cornflower"),
    (285, "indigo aubergine", "violet purple", "lilac lavender"),
    (320, "plum mulberry", "magenta fuchsia", "orchid mauve"),
]
_NOUNS = {
    "house": "house cottage home cabin hut villa bungalow",
    "tree": "tree oak maple linden beech elm",
    "conifer": "fir spruce pine conifer larch",
    "car": "car automobile saloon hatchback motorcar taxi",
    "boat": "steamer ferry tug ship freighter",
    "sailing": "yacht sloop dinghy sailboat boat",
    "person": "person figure villager walker neighbour stranger",
    "dog": "dog hound terrier puppy mongrel spaniel",
    "bird": "bird finch thrush robin warbler sparrow",
    "flower": "flower daisy blossom poppy aster marigold",
    "lamp": "lamp lantern light luminaire",
    "rocket": "rocket spaceship spacecraft launcher missile",
}
_VERBS = {
    "house": "stands rises sits nestles", "tree": "grows stands spreads sways", "conifer": "grows towers stands",
    "car": "waits stops parks idles", "boat": "steams floats anchors drifts", "sailing": "sails drifts glides tacks",
    "person": "stands waits pauses lingers", "dog": "stands waits barks sniffs", "bird": "perches hops sings rests",
    "flower": "blooms grows flowers nods", "lamp": "stands shines glows burns", "rocket": "stands waits launches hovers",
}  # fmt: skip
_GROUNDS = {
    "grass": "grass lawn turf", "meadow": "meadow pasture hay", "sand": "sand beach dunes", "snow": "snow snowfield",
    "ice": "ice frost", "stone": "stone gravel pavement", "soil": "soil earth mud", "water": "water waves shallows",
    "clay": "clay desert dust", "moss": "moss heath bog",
}  # fmt: skip
_SKIES = {
    "clear": "clear cloudless bright", "fair": "fair sunny pleasant", "hazy": "hazy milky pale", "overcast": "overcast grey dull",
    "stormy": "stormy threatening gloomy", "leaden": "leaden heavy cloudy", "sunset": "glowing burning fiery",
    "blue hour": "fading darkening dim", "night": "starless dark nightly", "moonless": "moonless black inky",
}  # fmt: skip
_TIMES = {"day": "morning noon afternoon midday daytime", "dusk": "dusk evening twilight nightfall", "night": "night midnight"}
_WEATHERS = {
    "dry": "calm dry still", "foggy": "fog mist haze", "rainy": "rain drizzle showers", "snowy": "snowfall flurries sleet",
}  # fmt: skip
_SURFACES = ["plaster whitewash stucco", "tiles bricks planks masonry", "leaves foliage ivy hedge", "lights glimmer blur",
             "cloth fabric linen canvas"]  # fmt: skip
_THINGS = {
    "rock": "rock boulder pebble", "ball": "ball sphere globe", "box": "box crate cube", "bush": "bush shrub thicket",
    "blob": "cushion lump bundle", "pole": "pole post stake",
}  # fmt: skip
_LARGE, _SMALL = "large big great huge", "small little tiny modest"
_DETAILS = {  # factor, above which value, words
    "house.roof": (0.31, "under a steep roof"), "tree.spread": (0.32, "with a wide crown"),
    "car.wheel": (0.12, "on heavy wheels"), "boat.bow": (0.05, "with a raised bow"), "person.skirt": (0.5, "in a long skirt"),
    "dog.pricked_ears": (0.5, "with pricked ears"), "bird.wing": (0.5, "with lifted wings"),
    "flower.petal_length": (0.185, "with broad petals"), "lamp.vase": (0.5, "on a round vase"),
    "rocket.flame": (0.5, "on a bright flame"), "dog.spotted": (0.5, "with a spotted coat"),
    "person.long_hair": (0.5, "with long hair"), "tree.lean": (0.02, "with a crooked trunk"),
    "house.door": (0.2, "with its door ajar to the side"), "lamp.light": (0.5, "switched on"),
}  # fmt: skip
_ASKED = {
    *_DETAILS, "tree.conifer", "boat.sailing", "colour.hue", "colour.lightness", "colour.pair", "object.scale", "object.x",
    "object.present", "scene.background", "scene.weather", "scene.time", "sky.kind", "ground.kind",
    "distractor0.kind", "distractor0.hue", "distractor0.lightness", "distractor0.across",
}  # fmt: skip


def _colour(hue, lightness, pick):
    degrees = hue % 1 * 360
    row = max((row for row in _COLOURS if row[0] <= degrees), key=lambda row: row[0])
    return pick(row[1 if lightness < 0.5 else 2 if lightness < 0.7 else 3])


def captions(draw: Draws, labels: torch.Tensor, factors: dict[str, torch.Tensor]) -> list[str]:
    """One sentence a scene. The words among which it may choose are chosen by draws of their own."""
    chances = draw.table("caption", 24).tolist()
    columns = {name: values.tolist() for name, values in factors.items() if name in _ASKED}
    return [
        _sentence(CLASSES[label], {name: values[i] for name, values in columns.items()}, iter(chances[i]))
        for i, label in enumerate(labels.tolist())
    ]


def _sentence(name, factor, chances):
    def pick(words):
        words = words.split()
        return words[int(next(chances) * len(words))]

    kind = "conifer" if factor.get("tree.conifer") == 1 else "sailing" if factor.get("boat.sailing") == 1 else name
    hue, lightness = factor["colour.hue"], factor["colour.lightness"]
    if name == "bird":
        hue, lightness = (0.1, 0.6) if factor["colour.pair"] == 0 else (0.38, 0.6)
    colour = "" if name == "tree" else _colour(hue, lightness, pick)
    size = pick(_LARGE) if factor["object.scale"] > 0.64 else pick(_SMALL) if factor["object.scale"] < 0.52 else ""
    details = [words for key, (limit, words) in _DETAILS.items() if key.startswith(name) and factor[key] > limit]
    detail = details[int(next(chances) * len(details))] if details else ""
    whole = " ".join(filter(None, [size, colour, pick(_NOUNS[kind]), detail, pick(_VERBS[kind])]))
    article = "an" if whole[0] in "aeiou" else "a"
    if factor["object.present"] == 0:
        article, whole = "nothing", "stands"
    side = " on the left" if factor["object.x"] < -0.1 else " on the right" if factor["object.x"] > 0.1 else ""
    if factor["scene.background"] < 0:
        sky = list(SKIES)[int(factor["sky.kind"])]
        place = f"{pick('on upon over')} {pick(_GROUNDS[list(GROUNDS)[int(factor['ground.kind'])]])}"
        weather = WEATHERS[int(factor["scene.weather"])]
        around = f"under a {pick(_SKIES[sky])} sky" if weather == "dry" else f"in {pick(_WEATHERS[weather])}"
        hour = pick(_TIMES[TIMES[int(factor["scene.time"])]])
        around += f" {'in the' if hour in ('morning', 'afternoon', 'daytime', 'evening') else 'at'} {hour}"
    else:
        place = f"{pick('before against beside')} {pick(_SURFACES[int(factor['scene.background'])])}"
        around = ""
    kind = int(factor["distractor0.kind"])
    thing = list(KINDS)[kind]
    shade = "mossy" if thing == "rock" else "leafy" if thing == "bush" else _colour(
        factor["distractor0.hue"], factor["distractor0.lightness"], pick
    )  # fmt: skip
    direction = "left of" if factor["distractor0.across"] < factor["object.x"] else "right of"
    other = f"with {'an' if shade[0] in 'aeiou' else 'a'} {shade} {pick(_THINGS[thing])} {pick('behind near')}" + (
        f" and {direction} it" if next(chances) < 0.5 else " it"
    )
    return " ".join(filter(None, [article, whole, place + side, around])) + ", " + other
