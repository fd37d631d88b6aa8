"""Things that people made: house, car, boat, lamp, rocket.

Each function paints one object on a canvas: x from -1/2 to 1/2, y from the ground, 0, up to at most 1; `draw` gives its
proportions. See `objects.py`.
"""

import torch

from course_lib.data.world.canvas import Canvas
from course_lib.data.world.colour import Palette, rgb
from course_lib.data.world.distance import blend, box, disc, ellipse, limb, polygon, union, where
from course_lib.data.world.draws import Draws


def house(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    half = draw.uniform("house.half_width", 0.3, 0.42)
    wall = draw.uniform("house.wall", 0.4, 0.58)
    peak = wall + draw.uniform("house.roof", 0.24, 0.38)
    ridge = draw.uniform("house.ridge", 0.0, 0.2)
    canvas.paint(box(x - half * 0.55, y - peak + 0.06, 0.055, 0.15), palette.third, bevel=0.03)
    canvas.paint(box(x, y - wall * 0.5, half, wall * 0.5, 0.01), palette.main)
    eaves, slope = half + 0.07, 0.03
    roof = polygon(x, y, (-eaves, wall - slope), (eaves, wall - slope), (ridge + 0.02, peak), (-ridge - 0.02, peak))
    canvas.paint(roof, palette.second, bevel=0.06, halo=0.35)
    door_x = draw.uniform("house.door", -0.4, 0.4) * half
    canvas.paint(box(x - door_x, y - 0.13, 0.065, 0.135, 0.01), palette.dark, bevel=0.02)
    panes = [(draw.chance("house.low_windows", 0.8), 0.17), (wall > 0.42, wall - 0.13)]
    for present, height in panes:
        shape = where(present, box(x.abs() - half * 0.62, y - height, 0.075, 0.07))
        shape = where((door_x.abs() < half * 0.25) | (height > 0.25), shape) if height is panes[0][1] else shape
        canvas.paint(shape - 0.018, palette.pale, bevel=0.02)
        canvas.paint(shape, palette.glass, bevel=None)
        canvas.paint(where(shape < 0, box(x.abs() - half * 0.62, y - height, 0.009, 0.08)), palette.pale, bevel=None)


def car(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    radius = draw.uniform("car.wheel", 0.1, 0.135)
    waist = draw.uniform("car.waist", 0.31, 0.37)
    roof = waist + draw.uniform("car.cabin", 0.17, 0.25)
    front = draw.uniform("car.bonnet", 0.1, 0.3)  # where the windscreen meets the bonnet
    back = draw.uniform("car.boot", -0.47, -0.34)
    rake = draw.uniform("car.rake", 0.06, 0.16)
    cabin = polygon(x, y, (back, waist - 0.03), (front, waist - 0.03), (front - rake, roof), (back + rake * 0.55, roof))
    canvas.paint(cabin - 0.015, palette.main, bevel=0.06)
    top = roof - 0.035
    windscreen, rear = (front - rake - 0.02, top), (back + rake * 0.55 + 0.03, top)
    glass = polygon(x, y, (back + 0.05, waist), (front - 0.04, waist), windscreen, rear)
    canvas.paint(glass, palette.glass, bevel=0.03)
    pillar = (front + back) * 0.5
    canvas.paint(limb(x, y, (pillar, waist), (pillar, roof - 0.02), 0.016), palette.main, bevel=None)
    floor = radius * 0.8
    body = box(x, y - (waist + floor) * 0.5, 0.49, (waist - floor) * 0.5, 0.075)
    canvas.paint(body, palette.main, bevel=0.09, halo=0.2)
    canvas.paint(limb(x, y, (pillar, waist - 0.03), (pillar, floor + 0.03), 0.006), palette.dark, bevel=None)
    canvas.paint(box(x, y - floor - 0.035, 0.49, 0.02, 0.02), palette.second, bevel=0.02)
    canvas.paint(ellipse(x - 0.455, y - waist + 0.08, 0.028, 0.036), palette.pale, bevel=0.03)
    wheels = disc((x - draw.uniform("car.axles", -0.02, 0.02)).abs() - 0.285, y - radius, radius)
    canvas.paint(wheels, palette.dark, bevel=0.04, halo=0.5)
    canvas.paint(wheels + radius * 0.48, palette.pale, bevel=0.05)


def boat(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    deck = draw.uniform("boat.deck", 0.2, 0.28)
    bow = draw.uniform("boat.bow", 0.0, 0.08)
    sailing = draw.chance("boat.sailing", 0.65)
    mast = draw.uniform("boat.mast", -0.1, 0.08)
    top = draw.uniform("boat.top", 0.86, 0.99)
    boom = draw.uniform("boat.boom", 0.3, 0.42)
    foot = deck + 0.1
    canvas.paint(where(sailing, limb(x, y, (mast, deck - 0.05), (mast, top), 0.018)), palette.wood, bevel=0.018)
    sail = polygon(x, y, (mast + 0.03, foot), (mast + boom, foot + 0.02), (mast + 0.03, top - 0.03))
    canvas.paint(where(sailing, sail), palette.pale, bevel=0.3, relief=mast + 0.02 - x)
    jib = polygon(x, y, (mast - 0.32, foot), (mast - 0.03, foot), (mast - 0.03, top - 0.14))
    canvas.paint(where(sailing, jib), palette.third, bevel=0.3, relief=x - mast + 0.02)
    # A steamer: funnel, cabin, portholes.
    funnel = box(x + 0.06, y - deck - 0.34, 0.07, 0.17, 0.01)
    canvas.paint(where(~sailing, funnel), palette.second, bevel=0.07)
    canvas.paint(where(~sailing, box(x + 0.06, y - deck - 0.45, 0.075, 0.04)), palette.dark, bevel=0.07)
    canvas.paint(where(~sailing, box(x, y - deck - 0.1, 0.24, 0.12, 0.02)), palette.pale, bevel=0.04)
    windows = box((x.abs() - 0.075).abs() - 0.075, y - deck - 0.11, 0.04, 0.045, 0.01)
    canvas.paint(where(~sailing, windows), palette.glass, bevel=None)
    rim = deck + 0.02
    hull = polygon(x, y, (-0.3, 0.0), (0.26, 0.0), (0.38, 0.09), (0.49, rim + bow), (-0.46, rim), (-0.4, 0.09))
    canvas.paint(hull, palette.main, bevel=0.1, halo=0.3)
    canvas.paint(where(hull < -0.01, (y - rim + 0.075).abs() - 0.022), palette.second, bevel=None)


def lamp(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    wide = draw.uniform("lamp.shade_width", 0.22, 0.33)
    narrow = wide * draw.uniform("lamp.shade_taper", 0.35, 0.7)
    low = draw.uniform("lamp.shade_low", 0.55, 0.68)
    high = low + draw.uniform("lamp.shade_height", 0.24, 0.3)
    elbow = draw.uniform("lamp.elbow", -0.16, 0.16)
    vase = draw.chance("lamp.vase", 0.4)
    lean = draw.uniform("lamp.shade_lean", -0.05, 0.05)
    base = draw.uniform("lamp.base", 0.15, 0.24)
    canvas.paint(box(x, y - 0.035, base, 0.035, 0.03), palette.second, bevel=0.035)
    stem = union(limb(x, y, (0.0, 0.04), (elbow, 0.34), 0.024), limb(x, y, (elbow, 0.34), (0.0, low + 0.06), 0.024))
    canvas.paint(where(~vase, stem), palette.dark, bevel=0.024)
    body = blend(ellipse(x, y - 0.2, 0.15, 0.17), box(x, y - 0.45, 0.035, 0.2), 0.1)
    canvas.paint(where(vase, body), palette.second, bevel=0.13)
    cord = draw.uniform("lamp.cord", -0.6, 0.6) * wide
    canvas.paint(limb(x, y, (cord, low), (cord, low - 0.13), 0.009), palette.dark, bevel=None)
    canvas.paint(disc(x - cord, y - low + 0.14, 0.022), palette.third, bevel=0.022)
    shade = polygon(x, y, (-wide, low), (wide, low), (narrow + lean, high), (lean - narrow, high))
    rod = x.abs() - (wide + (narrow - wide) * ((y - low) / (high - low)).clamp(0, 1))  # round about the upright axis
    light = draw.uniform("lamp.light", -0.3, 0.8).clamp(min=0) * (1.2 - (y - low) * 2.2).clamp(0, 1)
    warm = rgb(0.97, 0.05, draw.uniform("lamp.warmth", 0.2, 0.28))
    warm = torch.cat([warm, torch.zeros_like(warm[:, :1])], dim=1)
    glowing = palette.main + (warm - palette.main) * light[:, None]
    canvas.paint(shade - 0.01, glowing, bevel=wide, halo=0.2, relief=rod)
    trim = draw.uniform("lamp.trim", 0.012, 0.03)
    canvas.paint(where(shade < 0.005, (y - low - 0.03).abs() - trim), palette.third, bevel=None)


def rocket(canvas: Canvas, draw: Draws, palette: Palette):
    x, y = canvas.x, canvas.y
    half = draw.uniform("rocket.half_width", 0.13, 0.18)
    foot = draw.uniform("rocket.foot", 0.13, 0.2)
    spread = draw.uniform("rocket.fins", 0.13, 0.2)
    tall = 0.5
    radius = (tall * tall + half * half) / (half * 2)  # two arcs that meet at the nose
    flame = draw.chance("rocket.flame", 0.4)
    blaze = limb(x, y, (0.0, foot), (0.0, 0.05), 0.075, 0.012)
    canvas.paint(where(flame, blaze), palette.third, bevel=None)
    canvas.paint(where(flame, blaze + 0.035), palette.pale, bevel=None)
    hull = disc(x.abs() + (radius - half), y - 0.49, radius)
    outer = half + spread
    fin = polygon(x.abs(), y, (half * 0.5, foot + 0.06), (outer, foot - 0.1), (outer, foot + 0.06), (half * 0.7, 0.46))
    canvas.paint(fin, palette.second, bevel=0.05)
    canvas.paint(box(x, y - foot - 0.01, half * 0.5, 0.05, 0.01), palette.dark, bevel=0.06)
    canvas.paint(hull.maximum(foot + 0.03 - y), palette.main, bevel=half, halo=0.3)
    nose = draw.uniform("rocket.nose", 0.68, 0.78)
    canvas.paint((hull - 0.004).maximum(nose - y), palette.second, bevel=half)
    porthole = disc(x, y - draw.uniform("rocket.porthole", 0.52, 0.6), half * 0.5)
    canvas.paint(porthole, palette.dark, bevel=0.04)
    canvas.paint(porthole + 0.025, palette.glass, bevel=0.05)
    canvas.paint(limb(x, y, (0.0, foot - 0.05), (0.0, foot + 0.16), 0.02), palette.second, bevel=0.02)
