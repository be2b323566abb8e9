import type { Theme } from '@parley/react'
import { useCallback, useState } from 'react'

const key = 'parley-theme'
const themes: readonly Theme[] = ['auto', 'light', 'dark']

function stored(): Theme {
  return themes.find((theme) => theme === localStorage.getItem(key)) ?? 'auto'
}

/** How the application looks on this device, kept across visits. */
export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(stored)
  const choose = useCallback((next: Theme) => {
    localStorage.setItem(key, next)
    document.documentElement.dataset.theme = next
    setTheme(next)
  }, [])
  return [theme, choose]
}
