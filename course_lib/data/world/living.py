"""Things that grow: tree, person, dog, bird, flower. As in `made.py`, each function paints one object on a canvas."""

import torch

from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import Palette, among
from course_lib.data.world.distance import blend, box, disc, ellipse, limb, polygon, union, where
from course_lib.data.world.draws import Draws, cos_sin


def _reach(joint, turns, length):
    """The far end of a bone that hangs from `joint`: straight down at 0 turns, swung forward (to +x) for more."""
    cos, sin = cos_sin(turns)
    return joint[0] + length * sin, joint[1] - length * cos


def tree(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    conifer = draw.chance("tree.conifer", 0.4)
    lean = draw.uniform("tree.lean", -0.05, 0.05)
    girth = draw.uniform("tree.trunk", 0.035, 0.06)
    canvas.paint(limb(x, y, (0.0, 0.06), (lean, 0.5), girth * 1.25, girth * 0.8), palette.wood, bevel=girth)
    wide = draw.uniform("tree.spread", 0.27, 0.36)
    lobes = [
        disc(
            x - lean - draw.uniform(f"tree.lobe_x{k}", -0.04, 0.04) - dx * wide,
            y - height - draw.uniform(f"tree.lobe_y{k}", -0.05, 0.05),
            wide * draw.uniform(f"tree.lobe_r{k}", 0.52, 0.68),
        )
        for k, (dx, height) in enumerate([(-0.5, 0.52), (0.5, 0.53), (0.0, 0.76), (-0.35, 0.66), (0.4, 0.68)])
    ]
    crown = lobes[0]
    for lobe in lobes[1:]:
        crown = blend(crown, lobe, 0.06)
    low = draw.uniform("tree.skirt", 0.16, 0.26)
    step = (0.98 - low) * 0.27
    tiers = []
    for k, half in enumerate((wide, wide * 0.78, wide * 0.56)):
        foot, tip = low + step * k, low + step * (k + 1.7)
        tiers.append(polygon(x - lean, y, (-half, foot), (half, foot), (0.0, tip)))
    ripple = canvas.texture * 0.07
    for k, tier in enumerate(tiers):
        canvas.paint(where(conifer, tier + ripple * 0.5), palette.leaf, bevel=0.13, halo=0.3 if k else 0.0)
    canvas.paint(where(~conifer, crown + ripple), palette.leaf, bevel=0.16, halo=0.2)


def person(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    bend = draw.uniform("person.lean", -0.03, 0.03)
    hips, chest = (0.0, 0.46), (bend, 0.76)
    build = draw.uniform("person.build", 0.085, 0.115)
    skirt = draw.chance("person.skirt", 0.35)

    def leg(side, name):
        hip = (side * 0.055, hips[1])
        knee = _reach(hip, draw.uniform(f"person.{name}_thigh", -0.06, 0.06) + side * 0.025, 0.22)
        ankle = _reach(knee, draw.uniform(f"person.{name}_shin", -0.05, 0.03) + side * 0.015, 0.19)
        cloth = torch.where(skirt[:, None], palette.skin, palette.second)
        canvas.mark(**{f"{name}_hip": hip, f"{name}_knee": knee, f"{name}_ankle": ankle})
        bones = union(limb(x, y, hip, knee, 0.06, 0.047), limb(x, y, knee, ankle, 0.046, 0.035))
        canvas.paint(bones, cloth, bevel=0.05)
        canvas.paint(limb(x, y, ankle, (ankle[0] + side * 0.05, ankle[1] - 0.012), 0.036), palette.dark, bevel=0.035)

    def arm(side, name):
        shoulder = (chest[0] + side * (build + 0.01), chest[1])
        raised = draw.uniform(f"person.{name}_raised", 0.02, 0.42) * side
        elbow = _reach(shoulder, raised, 0.15)
        hand = _reach(elbow, raised + draw.uniform(f"person.{name}_elbow", 0.0, 0.14) * side, 0.14)
        canvas.mark(**{f"{name}_shoulder": shoulder, f"{name}_elbow": elbow, f"{name}_hand": hand})
        canvas.paint(limb(x, y, elbow, hand, 0.034, 0.028), palette.skin, bevel=0.03)
        canvas.paint(disc(x - hand[0], y - hand[1], 0.034), palette.skin, bevel=0.034)
        canvas.paint(limb(x, y, shoulder, elbow, 0.045, 0.038), palette.main, bevel=0.04)

    leg(-1, "left")
    leg(1, "right")
    gown = polygon(x, y, (-0.2, 0.26), (0.2, 0.26), (0.09, 0.52), (-0.09, 0.52))
    canvas.paint(where(skirt, gown - 0.01), palette.second, bevel=0.09)
    arm(-1, "left")
    shoulders = limb(x, y, (chest[0] - 0.07, 0.77), (chest[0] + 0.07, 0.77), 0.045)
    torso = blend(limb(x, y, (0.0, 0.5), chest, 0.09, build), shoulders, 0.05)
    canvas.paint(torso, palette.main, bevel=0.1, halo=0.15)
    arm(1, "right")
    head = (chest[0] + draw.uniform("person.head", -0.02, 0.02), 0.9)
    canvas.mark(head=head)
    canvas.paint(limb(x, y, chest, head, 0.035), palette.skin, bevel=0.03)
    long_hair = draw.chance("person.long_hair", 0.4)
    locks = box(x - head[0], y - head[1] + 0.03, 0.095, 0.1, 0.06)
    canvas.paint(where(long_hair, locks), palette.wood, bevel=0.06)
    canvas.paint(ellipse(x - head[0], y - head[1], 0.078, 0.09), palette.skin, bevel=0.08, halo=0.2)
    cap = torch.maximum(ellipse(x - head[0], y - head[1] - 0.012, 0.09, 0.096), head[1] + 0.025 - y)
    canvas.paint(cap, palette.wood, bevel=0.05)
    canvas.paint(disc((x - head[0]).abs() - 0.03, y - head[1] + 0.005, 0.011), palette.dark, bevel=None)


def dog(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    long = draw.uniform("dog.length", 0.2, 0.27)
    tall = draw.uniform("dog.legs", 0.3, 0.4)
    stout = draw.uniform("dog.stout", 0.095, 0.13)
    nod = draw.uniform("dog.nod", -0.06, 0.08)
    rump, chest = (-long - 0.03, tall), (long - 0.06, tall + 0.02)
    wag = _reach(rump, draw.uniform("dog.tail", -0.45, -0.28), draw.uniform("dog.tail_length", 0.18, 0.26))
    canvas.paint(limb(x, y, (rump[0] - 0.03, rump[1] + 0.05), wag, 0.035, 0.018), palette.coat, bevel=0.03)
    for name, far in (("far", 1), ("near", 0)):
        for joint, place in ((rump, "hind"), (chest, "fore")):
            hip = (joint[0] + (0.03 if far else -0.01), joint[1])
            knee = _reach(hip, draw.uniform(f"dog.{name}_{place}", -0.06, 0.06), tall * 0.52)
            paw = (knee[0] + (0.015 if place == "fore" else -0.01), 0.035)
            canvas.mark(**{f"{name}_{place}_knee": knee, f"{name}_{place}_paw": paw})
            shade = palette.coat * (0.8 if far else 1.0)
            leg = union(limb(x, y, hip, knee, 0.06, 0.042), limb(x, y, knee, paw, 0.042, 0.034))
            canvas.paint(leg, shade, bevel=0.04)
            canvas.paint(limb(x, y, paw, (paw[0] + 0.035, paw[1]), 0.035), shade, bevel=0.035)
    neck = (chest[0] + 0.1, chest[1] + 0.19)
    head = (neck[0] + 0.03, neck[1] + 0.06 + nod * 0.3)
    body = blend(limb(x, y, rump, chest, stout, stout * 1.12), limb(x, y, chest, neck, 0.1, 0.075), 0.06)
    canvas.paint(body, palette.coat, bevel=stout, halo=0.25)
    patch = draw.uniform("dog.patch", -0.2, 0.1)
    spot = where(draw.chance("dog.spotted", 0.5), ellipse(x - patch, y - tall - 0.06, 0.1, 0.08))
    canvas.paint(torch.maximum(spot, body), palette.second, bevel=None)
    nape, throat = (chest[0] - 0.005, chest[1] + 0.18), (chest[0] + 0.135, chest[1] + 0.08)
    canvas.paint(limb(x, y, nape, throat, 0.018), palette.third, bevel=0.018)
    nose = (head[0] + 0.16, head[1] - 0.04 + nod)
    canvas.mark(nose=nose, head=head, neck=neck, rump=rump, tail_tip=wag)
    face = blend(disc(x - head[0], y - head[1], 0.1), limb(x, y, head, nose, 0.07, 0.045), 0.04)
    canvas.paint(face, palette.coat, bevel=0.09, halo=0.2)
    pricked = draw.chance("dog.pricked_ears", 0.5)
    tip = [torch.where(pricked, up, down) for up, down in ((-0.06, -0.1), (0.16, -0.09))]
    ear = limb(x, y, (head[0] - 0.05, head[1] + 0.06), (head[0] + tip[0], head[1] + tip[1]), 0.042, 0.026)
    canvas.paint(ear, palette.coat * 0.72, bevel=0.04)
    canvas.paint(disc(x - nose[0] - 0.03, y - nose[1] - 0.015, 0.026), palette.dark, bevel=0.026)
    canvas.paint(disc(x - head[0] - 0.045, y - head[1] - 0.025, 0.016), palette.dark, bevel=None)


def bird(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    tilt = draw.uniform("bird.tilt", 0.0, 0.12)
    plump = draw.uniform("bird.plump", 0.15, 0.19)
    breast = (0.08, 0.43 + tilt * 0.3)
    rump = (-0.12, 0.4 - tilt * 0.8)
    for k, hip in enumerate((-0.02, 0.07)):
        stride = draw.uniform(f"bird.leg{k}", -0.04, 0.04)
        foot = (hip + stride, 0.02)
        canvas.mark(**{("far_foot", "near_foot")[k]: foot})
        canvas.paint(limb(x, y, (hip, 0.3), foot, 0.015), palette.third, bevel=0.015)
        canvas.paint(limb(x, y, foot, (foot[0] + 0.07, 0.02), 0.014), palette.third, bevel=None)
    tail = _reach(rump, draw.uniform("bird.tail", -0.3, -0.2), draw.uniform("bird.tail_length", 0.22, 0.3))
    canvas.paint(limb(x, y, rump, tail, 0.07, 0.045), palette.second, bevel=0.05)
    flap = draw.uniform("bird.wing", 0.0, 1.0)
    raised = flap > 0.5
    shoulder = (0.06, breast[1] + 0.06)
    far_wing = _reach(shoulder, -0.32 - flap * 0.12, 0.36)
    canvas.paint(where(raised, limb(x, y, shoulder, far_wing, 0.1, 0.03)), palette.second * 0.8, bevel=0.06)
    body = limb(x, y, rump, breast, plump * 0.62, plump)
    head = (breast[0] + draw.uniform("bird.neck", 0.1, 0.15), breast[1] + 0.22)
    tip = head[0] + 0.09 + draw.uniform("bird.beak", 0.1, 0.17)
    low, high = (head[0] + 0.05, head[1] - 0.045), (head[0] + 0.05, head[1] + 0.05)
    canvas.paint(polygon(x, y, low, (tip, head[1] - 0.02), high), palette.third, bevel=0.03)
    canvas.paint(blend(body, disc(x - head[0], y - head[1], 0.115), 0.1), palette.main, bevel=0.14, halo=0.2)
    canvas.paint(torch.maximum(body, disc(x - breast[0] - 0.06, y - breast[1] + 0.09, 0.15)), palette.pale, bevel=0.12)
    canvas.mark(beak=(tip, head[1] - 0.02), head=head, breast=breast, rump=rump, tail_tip=tail, wing_root=shoulder)
    near_wing = _reach(shoulder, torch.where(raised, -0.4 + flap * 0.08, -0.2 - tilt * 0.4), 0.32)
    canvas.mark(wing_tip=near_wing)
    canvas.paint(limb(x, y, shoulder, near_wing, 0.105, 0.03), palette.second, bevel=0.08, halo=0.25)
    canvas.paint(disc(x - head[0] - 0.035, y - head[1] - 0.025, 0.034), palette.pale, bevel=None)
    canvas.paint(disc(x - head[0] - 0.04, y - head[1] - 0.025, 0.02), palette.dark, bevel=None)


def flower(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    bend = draw.uniform("flower.bend", -0.1, 0.1)
    neck = (draw.uniform("flower.sway", -0.12, 0.12), 0.7)
    waist = (bend, 0.35)
    stem = union(limb(x, y, (0.0, 0.0), waist, 0.026, 0.022), limb(x, y, waist, neck, 0.022))
    canvas.paint(stem, palette.leaf * 0.85, bevel=0.025)
    for k, side in enumerate((-1, 1)):
        foot = (bend * 0.6, draw.uniform(f"flower.leaf_height{k}", 0.1, 0.3))
        angle, length = draw.uniform(f"flower.leaf_angle{k}", 0.27, 0.4), draw.uniform(f"flower.leaf{k}", 0.16, 0.26)
        tip = _reach(foot, side * angle, length)
        middle = ((foot[0] + tip[0]) * 0.5, (foot[1] + tip[1]) * 0.5 - 0.02)
        leaf = blend(limb(x, y, foot, middle, 0.015, 0.05), limb(x, y, middle, tip, 0.05, 0.008), 0.01)
        canvas.paint(leaf, palette.leaf, bevel=0.05)
    facing = draw.uniform("flower.facing", 0.68, 1.0)  # how far the face is turned up, seen as a squash
    across, along = x - neck[0], (y - neck[1]) / facing
    (petals,) = among(draw.integer("flower.petals", 4), [[5.0], [6.0], [7.0], [8.0]])
    first = draw.uniform("flower.turn")
    length, width = draw.uniform("flower.petal_length", 0.16, 0.2), 0.62 / petals
    wreath = None
    for k in range(8):
        cos, sin = cos_sin(first + (petals - 1).clamp(max=k) / petals)
        petal = limb(across, along, (cos * 0.06, sin * 0.06), (cos * length, sin * length), width * 0.55, width)
        wreath = petal if wreath is None else torch.minimum(wreath, petal)
    canvas.paint(wreath * facing, palette.main, bevel=0.06, halo=0.2)
    heart = disc(across, along, draw.uniform("flower.heart", 0.075, 0.11)) * facing
    canvas.paint(heart, palette.third, bevel=0.09, halo=0.3)
