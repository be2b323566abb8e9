import { type KeyboardEvent, useRef } from 'react'

const imeKeyCode = 229

/** Whether a key says that one has written all: Enter, which on a touch screen begins a line. */
export function isDone({ key, shiftKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  if (key !== 'Enter' || shiftKey) return false
  return ctrlKey || metaKey || !window.matchMedia('(pointer: coarse)').matches
}

/** Tells keys that belong to an input method, the one that ends a composition too, from keys that mean something here. */
export function useComposition() {
  const justEnded = useRef(false)
  const isComposing = ({ nativeEvent }: KeyboardEvent): boolean => {
    return nativeEvent.isComposing || nativeEvent.keyCode === imeKeyCode || justEnded.current
  }
  const onCompositionEnd = () => {
    justEnded.current = true
    setTimeout(() => {
      justEnded.current = false
    })
  }
  return { isComposing, onCompositionEnd }
}
