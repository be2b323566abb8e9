import type { ComponentProps } from 'react'

export interface IconButtonProps extends Omit<ComponentProps<'button'>, 'type' | 'aria-label'> {
  /** What it does, in words. */
  readonly label: string
}

/** A button that shows a picture only. */
export function IconButton({ label, className = '', ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      className={`parley-button parley-button-icon ${className}`.trim()}
      aria-label={label}
      {...rest}
    />
  )
}
