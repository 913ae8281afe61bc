/* The hours of a week: a slider under a chart of the share within reach, and a button that plays. */
(function () {
  "use strict";
  const Wangge = window.Wangge;
  const App = Wangge.App;
  const make = Wangge.make;
  const fill = Wangge.fill;
  const HOURS = 168;
  const STEP_MS = 450;
  /* The middle of a slider's thumb stops so far from the slider's ends. */
  const INSET = 10;

  App.prototype.hourText = function (hour) {
    const clock = function (h) {
      return String(h).padStart(2, "0") + ":00";
    };
    return fill(this.t.hour_value, {
      day: this.data.week.days[Math.floor(hour / 24)],
      from: clock(hour % 24),
      to: clock((hour % 24) + 1),
    });
  };

  App.prototype.timeBar = function () {
    const self = this;
    const t = this.t;
    const slider = make("input", {
      type: "range", id: "wg-hour", min: 0, max: HOURS - 1, step: 1, "aria-describedby": "wg-hour-keys",
    });
    slider.value = String(this.state.hour);
    const play = make("button", { type: "button", class: "wg-play", "aria-pressed": "false" });
    const chart = make("canvas", {
      class: "wg-week", "aria-hidden": "true", title: t.week_chart,
    });
    const text = make("output", { class: "wg-hour", for: "wg-hour" });
    const label = make("label", { for: "wg-hour", class: "wg-hidden" }, t.hour);
    this.time = { slider: slider, chart: chart, text: text, play: play };
    slider.addEventListener("input", function () {
      self.go_to(Number(slider.value));
    });
    slider.addEventListener("keydown", function (event) {
      const days = { PageUp: 24, PageDown: -24 }[event.key];
      if (days) {
        event.preventDefault();
        self.go_to((self.state.hour + days + HOURS) % HOURS);
      }
    });
    play.addEventListener("click", function () {
      self.play(!self.timer);
    });
    chart.addEventListener("click", function (event) {
      const box = chart.getBoundingClientRect();
      const part = (event.clientX - box.left - INSET) / (box.width - 2 * INSET);
      self.go_to(Math.max(0, Math.min(HOURS - 1, Math.floor(part * HOURS))));
    });
    this.labelPlay();
    const bar = make("section", { class: "wg-time", "aria-label": t.hour },
      play,
      make("div", { class: "wg-clock" }, text),
      make("div", { class: "wg-hours" }, chart, label, slider,
        make("span", { class: "wg-hidden", id: "wg-hour-keys" }, t.hour_keys)));
    new ResizeObserver(function () {
      self.askWeek();
    }).observe(chart);
    return bar;
  };

  App.prototype.labelPlay = function () {
    const text = this.timer ? this.t.pause : this.t.play;
    this.time.play.title = text;
    this.time.play.setAttribute("aria-label", text);
    this.time.play.setAttribute("aria-pressed", String(Boolean(this.timer)));
    this.time.play.replaceChildren(
      make("svg", { width: 18, height: 18, viewBox: "0 0 18 18", "aria-hidden": "true" },
        make("path", { d: this.timer ? "M4 3h3.500v12H4zM10.500 3H14v12h-3.500z" : "M4.500 2.500v13L15 9z" })));
  };

  App.prototype.play = function (on) {
    clearInterval(this.timer);
    const self = this;
    this.timer = on
      ? setInterval(function () {
          self.go_to((self.state.hour + 1) % HOURS);
        }, STEP_MS)
      : 0;
    this.labelPlay();
  };

  App.prototype.go_to = function (hour) {
    const before = [this.set(), this.pair()].join();
    this.state.hour = hour;
    this.time.slider.value = String(hour);
    // Most hours have the same stations as the hour before: then only the clock moves on.
    if (before === [this.set(), this.pair()].join()) {
      this.drawTime();
    } else {
      this.refresh();
    }
  };

  App.prototype.drawTime = function () {
    const hour = this.state.hour;
    const text = this.hourText(hour);
    const spoken = fill(this.t.hour_spoken, { hour: text, share: this.percent(this.shareAt(hour)) });
    this.time.text.textContent = spoken;
    this.time.slider.setAttribute("aria-valuetext", spoken);
    this.askWeek();
  };

  /* Drawn before the next picture of the screen, once however often it is asked for. */
  App.prototype.askWeek = function () {
    if (!this.weekAsked) {
      this.weekAsked = requestAnimationFrame(() => {
        this.weekAsked = 0;
        this.drawWeek();
      });
    }
  };

  /* Bars of 168 hours, days told apart by their ground, the chosen hour dark. */
  App.prototype.drawWeek = function () {
    const chart = this.time.chart;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = chart.clientWidth;
    const height = chart.clientHeight;
    if (!width) {
      return;
    }
    chart.width = width * ratio;
    chart.height = height * ratio;
    const context = chart.getContext("2d");
    context.scale(ratio, ratio);
    const wide = (width - 2 * INSET) / HOURS;
    const top = 15;
    const room = height - top - 1;
    const names = wide * 24 > 74 ? this.data.week.days : this.data.week.short;
    context.font = "11px " + Wangge.FONT;
    context.textBaseline = "top";
    for (let day = 0; day < 7; day += 1) {
      const x = INSET + day * 24 * wide;
      context.fillStyle = day % 2 ? "#eef1f3" : "#f8f9fa";
      context.fillRect(x, top, 24 * wide, room + 1);
      context.fillStyle = "#54606c";
      context.fillText(names[day], x + 2, 1, 24 * wide - 3);
    }
    for (let hour = 0; hour < HOURS; hour += 1) {
      const share = this.shareAt(hour);
      const here = hour === this.state.hour;
      context.fillStyle = here ? "#1f2a35" : "#7fa8c4";
      const tall = Math.max(share * room, share > 0 ? 1 : 0);
      const x = INSET + hour * wide;
      context.fillRect(x, top + room - tall, Math.max(wide - (wide > 4 ? 1 : 0), 1), tall);
      if (here) {
        context.fillStyle = "#c2410c";
        context.fillRect(x + wide / 2 - 1, top, 2, room + 1);
      }
    }
    context.strokeStyle = "#9aa5af";
    context.strokeRect(INSET, top + 0.5, HOURS * wide, room);
  };
})();
