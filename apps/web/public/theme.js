// Before the first paint, so that a dark screen never flashes light.
document.documentElement.dataset.theme = localStorage.getItem('parley-theme') ?? 'auto'
