"""The address and the journey: what a link restores, and what moves before a touch."""

import re

import pytest

Z = ",".join(str(value) for value in (0.5, -0.3, 0.1, 0.2, -0.6, 0.4, 0, 0.25, -0.1, 0.3))

STATES = {
    "a row": ("digits", "m=AE&v=walk&p=r17"),
    "a free code": ("digits", f"m=VAE&v=walk&p={Z}&x=1,4"),
    "a place": ("digits", "m=AE&v=walk&p=@0.25,-0.4&x=map"),
    "a path": ("digits", f"m=AE&v=interpolate&a=r2~{Z}&t=0.3"),
    "a path on the sphere": ("digits", "m=VAE&v=interpolate&a=r5~r9&t=0.75&w=sphere&l=ja"),
    "an empty pad": ("digits", f"m=VAE&v=draw&p={Z}"),
    "fifty rows": ("digits", "m=VAE&v=generate&s=11"),
    "one of fifty": ("digits", "m=AE&v=generate&s=11&c=23&l=ja"),
    "a class": ("conditional", "v=walk&p=0.3,-0.8;4"),
    "a table": ("table", "v=walk&p=r5&x=0,2"),
}

NONSENSE = [
    "%%%",
    "nonsense",
    "m=none&v=nowhere&p=r99999&a=r1&t=7&w=spiral&x=99,99&s=-1&c=50&l=xx",
    "p=1,2,3&a=r1~r2~r3&t=NaN&x=1&s=1.5&c=x",
    f"p={Z.replace('0.5', 'Infinity')}&x=2,2&s=4294967296",
    f"p={Z};1&a=r1~rx",
    "m=&v=&p=&a=&t=&w=&x=&s=&c=&l=",
    "p=,,,,,,,,,&x=,1",
    "p=@1&a=@0,x~@0,0,0&x=maps",
    "p=r-1&x=-1,0&c=-2&m=__proto__&l=constructor",
]


def picture(living):
    """Return a picture of all that is alive, with neither pointer nor focus on it.

    Without the parts that are computed when they come into view.
    """
    living.page.add_style_tag(content="#inside, #train-here { display: none }")
    living.page.mouse.move(0, 0)
    living.js("() => { document.activeElement.blur(); scrollTo(0, 0) }")
    for _ in range(5):
        living.settle()
    living.until("Utsushi.field.isDone()")
    return living.page.locator("#play").screenshot()


@pytest.mark.parametrize("what", STATES)
def test_an_address_restores_a_state_pixel_for_pixel(visit, what):
    name, wanted = STATES[what]
    living = visit(name)
    # The same state, by another way than an address.
    parts = dict(part.split("=") for part in wanted.split("&"))
    living.js(
        """async (parts) => {
          if (parts.m === "VAE") await Utsushi.views.chooseModel(1);
          const { state, page } = Utsushi;
          const model = page.models[state.get().model];
          const point = (text) => {
            const [z, y = 0] = text.split(";");
            if (z[0] === "@") return state.pointAt(model, z.slice(1).split(",").map(Number), 0);
            return z[0] === "r" ? page.pointOf(model, Number(z.slice(1)))
              : state.point(z.split(",").map(Number), -1, Number(y));
          };
          state.change({
            point: parts.p ? point(parts.p) : page.pointOf(model, 0),
            view: parts.v,
            plane: /,/.test(parts.x) ? parts.x.split(",").map(Number) : parts.x || "pc",
            seed: Number(parts.s || 0),
            chosen: Number(parts.c || -1),
            position: Number(parts.t || 0.5),
            path: parts.w || "line",
            language: parts.l || "en",
            ...(parts.a ? { ends: parts.a.split("~").map(point) } : {}),
          }, { keep: true });
        }""",
        parts,
    )
    shown = picture(living)
    address = living.js("location.hash")
    for key, value in parts.items():
        assert f"{key}={value}" in address.lstrip("#").split("&")
    again = visit(name, address.lstrip("#"))
    assert again.state() == living.state()
    assert picture(again) == shown


def test_what_is_done_by_hand_is_in_the_address(visit):
    living = visit("digits")
    living.page.locator("#models button", has_text="VAE").click()
    living.view("interpolate")
    living.page.locator("#paths input[value=sphere]").check()
    living.page.locator("#position").press("ArrowRight")
    living.page.locator("[data-language=ja]").click()
    living.view("generate")
    living.page.locator("#seed").fill("5")
    living.page.locator("#seed").press("Tab")
    living.page.locator("#generated button").nth(2).click()
    living.page.locator("#projection").select_option("components")
    living.page.locator("#axis-x").select_option("1")
    living.page.locator("#axis-y").select_option("0")
    living.page.wait_for_url(re.compile("x=1,0"))
    shown = picture(living)
    again = visit("digits", living.js("location.hash.slice(1)"))
    state = again.state()
    assert [state[key] for key in ("model", "view", "path", "seed", "chosen", "language")] == [
        *(1, "generate", "sphere", 5, 2, "ja")
    ]
    assert state["position"] == pytest.approx(0.51)
    assert picture(again) == shown


@pytest.mark.parametrize(("plane", "key"), [("pc", "z"), ("map", "at")])
def test_a_drag_is_in_the_address_at_its_end(visit, plane, key):
    living = visit("digits", f"x={plane}")
    x, y = living.on_map(living.places()[0])
    mouse = living.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y - 30)
    mouse.up()
    numbers = living.state()["point"][key]
    written = re.search(r"&p=([^&]*)", living.js("location.hash"))[1]
    assert written.startswith("@") == (key == "at")
    assert [float(value) for value in written.lstrip("@").split(",")] == numbers


@pytest.fixture(scope="module")
def plain(open_page):
    """The state of a page whose address says nothing."""
    with open_page("digits") as living:
        return living.state()


@pytest.mark.parametrize("hash_", NONSENSE)
def test_nonsense_in_the_address_is_ignored(visit, plain, hash_):
    assert visit("digits", hash_).state() == plain


def test_what_makes_sense_beside_nonsense_is_taken(visit):
    state = visit("digits", "m=none&v=interpolate&t=7&s=12").state()
    assert (state["model"], state["view"], state["position"], state["seed"]) == (
        *(0, "interpolate", 0.5, 12),
    )


def test_back_goes_back_step_by_step(visit):
    living = visit("digits", "m=AE&v=walk&p=r3")
    start = living.state()
    living.view("generate")
    living.page.locator("[data-language=ja]").click()
    living.page.locator("#models button", has_text="VAE").click()
    living.settle()
    assert living.state()["model"] == 1
    living.page.go_back()
    living.settle()
    assert living.state()["model"] == 0
    assert living.state()["language"] == "ja"
    living.page.go_back()
    assert living.js("document.documentElement.lang") == "en"
    assert living.page.locator("#tab-generate").inner_text() == "Generate"
    living.page.go_back()
    living.settle()
    assert living.state() == start
    assert living.page.locator("#walk").is_visible()
    living.page.go_forward()
    living.settle()
    assert living.state()["view"] == "generate"


def test_back_returns_from_a_drag_to_where_it_began(visit):
    living = visit("digits", "m=AE&v=walk&p=r3")
    x, y = living.on_map(living.places()[3])
    mouse = living.page.mouse
    mouse.move(x, y)
    mouse.down()
    for step in range(1, 8):
        mouse.move(x + 10 * step, y)
    # Longer than the page waits before it writes where a drag is.
    living.page.wait_for_timeout(400)
    mouse.up()
    assert living.state()["point"]["row"] == -1
    living.page.go_back()
    living.settle()
    assert living.state()["point"]["row"] == 3


def test_back_from_a_section_returns_to_the_view(visit):
    living = visit("digits", "m=AE&v=walk&p=r3")
    living.view("draw")
    living.page.wait_for_url(re.compile("v=draw"))
    before = living.state()
    living.page.locator("nav a").last.click()
    living.until("scrollY > 300")
    assert living.js("location.hash").startswith("#s")
    assert living.state() == before
    living.page.go_back()
    living.until("document.getElementById('play').getBoundingClientRect().top > -1")
    assert living.state() == before
    assert "v=draw" in living.js("location.hash")


# --- the journey ----------------------------------------------------------------------------------

MOVES = """async () => {
  const places = new Set();
  for (let i = 0; i < 20; i++) {
    await new Promise(requestAnimationFrame);
    places.add(JSON.stringify(Utsushi.state.get().point.z));
  }
  return places.size > 1;
}"""


def test_the_first_view_moves_and_its_picture_with_it(visit):
    living = visit("digits", motion="no-preference")
    assert living.js(MOVES)
    first = living.pixels("#walk-decoded canvas"), living.pixels("#map")
    living.page.wait_for_timeout(700)
    assert (living.pixels("#walk-decoded canvas") != first[0]).any()
    assert (living.pixels("#map") != first[1]).any()
    assert living.js("location.hash") == ""


@pytest.mark.parametrize(
    "touch", ["press", "key", "wheel", "tab", "a hidden tab", "less motion", "an address"]
)
def test_the_journey_ends_at_the_first_touch(visit, touch):
    living = visit("digits", motion="no-preference")
    assert living.js(MOVES)
    if touch == "press":
        living.page.locator("h1").click()
    elif touch == "wheel":
        living.page.mouse.wheel(0, 10)
        living.settle()
    elif touch == "a hidden tab":
        living.js("document.dispatchEvent(new Event('visibilitychange'))")
    elif touch == "less motion":
        living.page.emulate_media(reduced_motion="reduce")
        living.settle()
    elif touch == "an address":
        living.js("() => { location.hash = 'm=VAE&p=r3' }")
        living.settle()
        assert living.state()["point"]["row"] == 3
    else:
        living.page.keyboard.press("Shift" if touch == "key" else "Tab")
    assert not living.js(MOVES)
    assert not living.js("Utsushi.journey.isRunning()")


FASTER = """() => {
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => request((time) => draw(100 * time));
}"""


def test_the_journey_ends_by_itself_after_one_passage(visit):
    living = visit("digits", motion="no-preference", script=f"({FASTER})();")
    living.until("!Utsushi.journey.isRunning()")
    point = living.state()["point"]
    living.settle()
    assert living.state()["point"] == point
    assert point["row"] >= 0


def test_the_first_view_stays_still_for_who_wants_no_motion(visit):
    assert not visit("digits", motion="reduce").js(MOVES)


def test_a_linked_state_stays_still(visit):
    living = visit("digits", "m=AE&p=r3", motion="no-preference")
    assert not living.js(MOVES)
    assert living.state()["point"]["row"] == 3
