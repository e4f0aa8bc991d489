// Before anything is drawn: the theme that was chosen last, else that of the system.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => { try { return localStorage.getItem("asapbench-theme"); } catch { return null; } };
  const told = () => dispatchEvent(new Event("theme"));
  const show = () => { root.dataset.theme = chosen() || (dark.matches ? "dark" : "light"); };
  show();
  dark.addEventListener("change", () => { show(); told(); });
  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const next = root.dataset.theme === "dark" ? "light" : "dark";
      try { localStorage.setItem("asapbench-theme", next); } catch { /* a file may keep nothing */ }
      root.dataset.theme = next;
      told();
    });
  });
  // paper is white, as wide as it is, and cannot be unfolded
  let before = null;
  const met = () => document.querySelectorAll(".met");
  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, open: [...met()].map((one) => one.open) };
    root.dataset.theme = "light";
    root.classList.add("printing");
    for (const one of met()) one.open = true;
    told();
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = before?.theme ?? root.dataset.theme;
    root.classList.remove("printing");
    met().forEach((one, index) => { one.open = before?.open[index] ?? one.open; });
    told();
  });
})();
