// What the trader sees: the state in words, and a button that stops new entries.
class CPanel
  {
private:
   string            m_button;
   string            m_text;

public:
                     CPanel(void) { m_button="NatronStop"; }
   string            Button(void) const { return(m_button); }
   void              Open(void)
     {
      m_text="";
      ObjectCreate(0,m_button,OBJ_BUTTON,0,0,0);
      ObjectSetInteger(0,m_button,OBJPROP_CORNER,CORNER_LEFT_UPPER);
      ObjectSetInteger(0,m_button,OBJPROP_XDISTANCE,10);
      ObjectSetInteger(0,m_button,OBJPROP_YDISTANCE,170);
      ObjectSetInteger(0,m_button,OBJPROP_XSIZE,160);
      ObjectSetInteger(0,m_button,OBJPROP_YSIZE,24);
     }
   void              Close(void)
     {
      ObjectDelete(0,m_button);
      Comment("");
     }
   void              Show(const string text,const bool killed)
     {
      ObjectSetInteger(0,m_button,OBJPROP_STATE,killed ? 1 : 0);
      ObjectSetString(0,m_button,OBJPROP_TEXT,killed ? "Entries stopped: resume" : "Stop new entries");
      if(text==m_text)
         return;
      m_text=text;
      Comment(text);
      ChartRedraw(0);
     }
  };
