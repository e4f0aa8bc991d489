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
  // paper is white, and cannot be unfolded
  let before = null;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    for (const folded of document.querySelectorAll(".met")) folded.open = true;
    root.dataset.theme = "light";
    told();
  });
  addEventListener("afterprint", () => {
    root.dataset.theme = before ?? root.dataset.theme;
    told();
  });
})();
