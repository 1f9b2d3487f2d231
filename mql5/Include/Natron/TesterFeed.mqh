// Signals in the strategy tester, which has no sockets: a file of the same signed lines, in server time, as
// `natron export-signals` writes it. Its first line (T1) says what it is for.
#include "LineCodec.mqh"

class CTesterFeed
  {
private:
   int               m_handle;
   CLineCodec        m_codec;
   SLine             m_head;
   SLine             m_next;
   bool              m_has;
   long              m_read;
   int               m_junk;
   string            m_fault;

   bool              Line(SLine &line)
     {
      uchar raw[];
      string text=FileReadString(m_handle);
      int count=StringToCharArray(text,raw)-1;
      return(count>0 && m_codec.Decode(raw,count,false,line));
     }
   //--- the next good line; one that comes a second time, or from another file, is none
   void              Read(void)
     {
      m_has=false;
      while(!m_has && !FileIsEnding(m_handle))
        {
         m_has=Line(m_next) && m_next.kind=="S1" && m_next.session==m_head.session && m_next.symbol==m_head.symbol
               && m_next.tf_s==m_head.tf_s && m_next.seq>m_read;
         if(m_has)
            m_read=m_next.seq;
         else
            m_junk++;
        }
     }
   bool              Refuse(const string why)
     {
      m_fault=why;
      return(false);
     }

public:
                     CTesterFeed(void) { m_handle=INVALID_HANDLE; m_has=false; m_junk=0; m_read=0; }
                    ~CTesterFeed(void) { Close(); }
   void              Close(void)
     {
      if(m_handle!=INVALID_HANDLE)
         FileClose(m_handle);
      m_handle=INVALID_HANDLE;
     }
   string            Fault(void) const { return(m_fault); }
   string            Words(void) const
     {
      return(IntegerToString(m_head.count)+" signals"+(m_head.in_sample ? ", IN-SAMPLE: the bundle was trained on these candles, the result proves nothing" : "")
             +(m_junk>0 ? ", refused lines: "+IntegerToString(m_junk) : ""));
     }
   bool              Open(const string name,const string bridge_key,const string client_key,const string symbol,const int tf_s)
     {
      m_junk=0;
      m_read=0;
      m_handle=FileOpen(name,FILE_READ|FILE_TXT|FILE_ANSI|FILE_COMMON);
      if(m_handle==INVALID_HANDLE)
         return(Refuse("cannot be read from the common folder, error "+IntegerToString(GetLastError())));
      if(!m_codec.SetKeys(bridge_key,client_key) || !Line(m_head) || m_head.kind!="T1")
         return(Refuse("has no first line signed with BridgeKey: write it with natron export-signals"));
      if(m_head.symbol!=symbol || m_head.tf_s!=tf_s)
         return(Refuse("is for "+m_head.symbol+" "+CTimeframe::Name(m_head.tf_s)+", this chart is "+symbol+" "+CTimeframe::Name(tf_s)));
      Read();
      return(true);
     }
   //--- the next signal whose candle has closed by now
   bool              Next(const datetime server,SLine &line)
     {
      if(!m_has || m_next.candle_ms/1000+m_next.tf_s>(long)server)
         return(false);
      line=m_next;
      Read();
      return(true);
     }
  };
